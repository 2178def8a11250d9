package testengine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/client"
)

// Start starts an engine, which ends with the test. It skips the test where
// nobody may or can start one.
func Start(t testing.TB, o Options) *Engine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it starts a dockerd")
	}
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Skip("needs dockerd, which is not installed (on Debian: apt-get install docker.io)")
	}
	e := newEngine(t)
	if e.dataRoot = e.path("data"); o.DataRoot != "" {
		e.dataRoot = o.DataRoot
	}
	args := append(e.args(), o.Args...)
	if o.Config != "" {
		if err := os.WriteFile(e.path("daemon.json"), []byte(o.Config), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config-file="+e.path("daemon.json"))
	}
	if !o.Remap {
		e.run(t, args)
		return e
	}
	user, release, err := lendRange()
	if err != nil {
		t.Fatalf("lending a subordinate ID range: %v", err)
	}
	defer release() // an engine reads the files when it starts, and never again
	e.run(t, append(args, "--userns-remap="+user))
	return e
}

// newEngine makes a directory that a remapped root may pass through, unlike
// those of t.TempDir, in a path that is short enough for a socket.
func newEngine(t testing.TB) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountUnder(dir)
		_ = os.RemoveAll(dir)
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	e := &Engine{Dir: dir, exited: make(chan struct{})}
	e.Socket = e.path("d.sock")
	e.Host = "unix://" + e.Socket
	return e
}

func (e *Engine) path(name string) string { return filepath.Join(e.Dir, name) }

func (e *Engine) args() []string {
	return []string{
		"--host=" + e.Host, "--data-root=" + e.DataRoot(), "--exec-root=" + e.path("exec"), "--pidfile=" + e.path("pid"),
		"--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false",
	}
}

// run starts dockerd, and waits until it answers.
func (e *Engine) run(t testing.TB, args []string) {
	t.Helper()
	log, err := os.Create(e.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dockerd", args...)
	cmd.Stdout, cmd.Stderr = log, log
	// An interrupted test leaves no engine behind: it is set up to end when the
	// thread does that started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(e.exited)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting dockerd: %v", err)
	}
	e.PID = cmd.Process.Pid
	t.Cleanup(e.Stop)
	if err := e.await(); err != nil {
		t.Fatalf("waiting for dockerd: %v\n%s", err, tail(e.Log(), 20))
	}
}

func (e *Engine) await() error {
	c, err := client.NewClientWithOpts(client.WithHost(e.Host))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	for {
		if _, err := c.Ping(ctx); err == nil {
			return nil
		}
		select {
		case <-e.exited:
			return fmt.Errorf("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the engine, if it still runs. The end of the test does so too.
func (e *Engine) Stop() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		select {
		case <-e.exited:
			return
		default:
			_ = syscall.Kill(e.PID, signal)
		}
		select {
		case <-e.exited:
			return
		case <-time.After(30 * time.Second):
		}
	}
}

// unmountUnder lets go of what a dockerd that was killed has left mounted, the
// deepest first.
func unmountUnder(dir string) {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	lines := strings.Split(string(table), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		fields := strings.Fields(lines[i])
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			_ = syscall.Unmount(fields[4], syscall.MNT_DETACH)
		}
	}
}

func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
