//go:build linux

package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// endings are the ways in which what is under way on a host can end early.
var endings = []struct {
	name string
	end  func(sh *shell, cancel func())
}{
	{"the client gives up", func(_ *shell, cancel func()) { cancel() }},
	{"the client is killed", func(sh *shell, _ func()) { _ = sh.in.Close() }},
	{"ssh is killed", killSSH},
}

// Whatever ends a look at something that hangs, nothing of it stays on the host.
func TestNothingIsLeftOnTheHost(t *testing.T) {
	var number atomic.Int64
	number.Store(100_000 + 100*int64(os.Getpid()))
	for _, end := range endings {
		t.Run(end.name, func(t *testing.T) {
			eachHost(t, func(t *testing.T, h Host) {
				s := sessionOf(h)
				if s == nil {
					t.Skip("no shell is in between")
				}
				look := fmt.Sprint("sleep ", number.Add(1)) // hangs, in a process of its own
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				shells, ended := make(chan *shell, 1), make(chan error, 1)
				go func() {
					ended <- s.do(ctx, looking("( : | "+look+" | cat; : )"), func(sh *shell) error {
						shells <- sh
						_, err := sh.frames.status()
						return err
					})
				}()
				await(t, look, true)
				end.end(<-shells, cancel)
				await(t, look, false)
				cancel()
				assert.Check(t, <-ended != nil)
			})
		})
	}
}

func killSSH(sh *shell, _ func()) {
	if strings.HasSuffix(sh.cmd.Path, "/ssh") {
		_ = syscall.Kill(sh.cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = sh.in.Close()
}

// A command that changes the host is not broken off with the connection.
func TestCommandsAreLetToEnd(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		s := sessionOf(h)
		if s == nil {
			t.Skip("no shell is in between")
		}
		done := filepath.Join(t.TempDir(), "done")
		assert.NilError(t, h.Root(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			for _, err := os.Stat(done + ".begun"); err != nil; _, err = os.Stat(done + ".begun") {
				time.Sleep(10 * time.Millisecond)
			}
			_ = s.shell.in.Close()
		}()
		_, err := h.Run(ctx, Command{Args: []string{"sh", "-c", `: >"$0.begun"; sleep 1; : >"$0"`, done}})
		assert.ErrorIs(t, err, context.Canceled)
		for range 500 {
			if _, err = os.Stat(done); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatal(err)
	})
}

func sessionOf(h Host) *session {
	switch h := h.(type) {
	case *remote:
		return h.session
	case *sshHost:
		return h.session
	}
	return nil
}

// await waits until a command runs on this machine, or none does any more.
func await(t *testing.T, command string, runs bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if (processOf(command) != "") == runs {
			return
		}
	}
	t.Fatalf("%q runs: %v (process %s)", command, !runs, processOf(command))
}

func processOf(command string) string {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		line, _ := os.ReadFile(name)
		if strings.TrimSuffix(strings.ReplaceAll(string(line), "\x00", " "), " ") == command {
			return name
		}
	}
	return ""
}
