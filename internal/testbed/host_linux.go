package testbed

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// upTimeout bounds the wait for a host to boot or shut down. One takes 2 to 15
// seconds, several at once on a busy machine longer.
const upTimeout = 3 * time.Minute

// Host is a running host. Its methods take the test that they are called from
// and end it where something goes wrong that the test is not about.
type Host struct {
	Engine  Engine
	Name    string // its hostname
	Address string // IPv4, reachable from this machine alone

	dir    string // the test's own: docker configuration, home, certificates
	link   string // this machine's end of the link to the host
	keeper *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
	ups    chan int // PIDs of the host's init, one for each boot
	pid    atomic.Int64
}

var booted atomic.Int64

// Boot starts a host with an empty disk. It is removed at the end of the test,
// or of the process, however that ends: its keeper notices. Without root or on a machine that lacks the tools, the
// test is skipped.
func Boot(tb testing.TB, engine Engine) *Host {
	tb.Helper()
	Need(tb)
	h := &Host{Engine: engine, dir: tb.TempDir(), ups: make(chan int, 64)}
	h.Name = fmt.Sprintf("e%s-%d-%d", strings.ReplaceAll(string(engine), ".", ""), os.Getpid(), booted.Add(1))
	h.keeper = exec.CommandContext(context.Background(), script(), "run", engine.tree(), h.Name)
	h.keeper.Stderr = &h.stderr
	h.keeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the test
	var err error
	if h.stdin, err = h.keeper.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	stdout, err := h.keeper.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := h.keeper.Start(); err != nil {
		tb.Fatalf("booting a host with engine %s: %v", engine, err)
	}
	tb.Cleanup(func() { h.remove(tb) })
	go h.listen(stdout)
	h.awaitUp(tb)
	h.makeContexts(tb)
	if engine == Upgraded29 {
		h.Upgrade(tb)
	}
	return h
}

// CutPower ends every process of the host at once, and boots it again from the
// same disk.
func (h *Host) CutPower(tb testing.TB) {
	tb.Helper()
	h.again(tb, func() error {
		_, err := fmt.Fprintln(h.stdin, "power")
		return err
	})
}

// Reboot shuts the host down from inside, in order, and waits until it is up again.
func (h *Host) Reboot(tb testing.TB) {
	tb.Helper()
	h.again(tb, func() error { return h.Command("systemctl", "--no-block", "reboot").Run() })
}

// PID is that of the host's init, as this machine sees it. It changes with every
// boot.
func (h *Host) PID() int { return int(h.pid.Load()) }

func (h *Host) again(tb testing.TB, end func() error) {
	tb.Helper()
	if err := end(); err != nil {
		tb.Fatalf("ending host %s: %v", h.Name, err)
	}
	h.awaitUp(tb)
	h.makeContexts(tb)
}

// listen reads what scripts/testbed.d/host.sh tells.
func (h *Host) listen(stdout io.Reader) {
	defer close(h.ups)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var pid int
		var address string
		if n, _ := fmt.Sscanf(lines.Text(), "up %d %s", &pid, &address); n == 2 {
			h.Address = address
			h.ups <- pid
		}
	}
}

func (h *Host) awaitUp(tb testing.TB) {
	tb.Helper()
	select {
	case pid, ok := <-h.ups:
		if !ok {
			err := h.keeper.Wait()
			tb.Fatalf("booting host %s: %v\n%s", h.Name, err, h.stderr.String())
		}
		h.pid.Store(int64(pid))
	case <-time.After(upTimeout):
		tb.Fatalf("booting host %s: not up after %v", h.Name, upTimeout)
	}
	number, _ := os.ReadFile(filepath.Join(h.state(), "number"))
	h.link = "duns" + strings.TrimSpace(string(number))
}

func (h *Host) remove(tb testing.TB) {
	h.stdin.Close()
	late := time.AfterFunc(time.Minute, func() { _ = h.keeper.Process.Kill() })
	defer late.Stop()
	for range h.ups { // until it has closed its stdout
	}
	if err := h.keeper.Wait(); err != nil && h.keeper.ProcessState.ExitCode() < 0 {
		tb.Errorf("removing host %s: %v\n%s", h.Name, err, h.stderr.String())
		_ = exec.CommandContext(context.Background(), script(), "sweep").Run()
	}
}

// state is the directory that the script keeps the host in.
func (h *Host) state() string {
	cache := os.Getenv("DOCKER_USERNS_TESTBED")
	if cache == "" {
		cache = "/var/cache/docker-userns-testbed"
	}
	return filepath.Join(cache, "hosts", h.Name)
}

// script is scripts/testbed of the work tree that this file was compiled in.
func script() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../scripts/testbed")
}

// Need skips the test where no host can be booted, and says what is missing. The
// first time on a machine it makes what hosts are booted from, which takes two
// to five minutes.
func Need(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs a host to boot, left out with -short")
	}
	if what := missing(); what != "" {
		tb.Skipf("needs a host to boot: %s", what)
	}
	if err := made(); err != nil {
		tb.Fatalf("making what hosts are booted from: %v", err)
	}
}

var missing = sync.OnceValue(func() string {
	out, err := exec.CommandContext(context.Background(), script(), "check").CombinedOutput()
	if err == nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimSpace(string(out)), "\n"), ", ")
})

var made = sync.OnceValue(func() error {
	out, err := exec.CommandContext(context.Background(), script(), "make").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
})
