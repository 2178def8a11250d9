package remap

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
)

// running counts the processes of the world that have some text in their command line.
func (w *world) running(text string) int {
	n := 0
	links, _ := filepath.Glob("/proc/[0-9]*/root")
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != w.root {
			continue
		}
		words, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
		if strings.Contains(strings.ReplaceAll(string(words), "\x00", " "), text) {
			n++
		}
	}
	return n
}

// If the script is killed while containers stop, nothing of it goes on once they have.
func TestScriptKilledWhileContainersStop(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := armed(t, w)
		w.write(t, "/stub/slow", "3")
		for _, verb := range []string{"restart", "undo"} {
			w.write(t, "/stub/running/c1", "")
			w.write(t, "/stub/instance", verb)
			cmd := w.command(w.script(c, verb)...)
			assert.NilError(t, cmd.Start())
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if strings.Contains(w.read(c.Dir()+"/log"), "stopping 1 containers") {
					return poll.Success()
				}
				return poll.Continue("nothing is stopped yet")
			}, poll.WithTimeout(20*time.Second))
			assert.NilError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			assert.NilError(t, os.Remove(w.path(c.Dir(), "log")))
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if n := w.running("/change.sh"); n > 0 {
					return poll.Continue("%d processes of %s go on", n, verb)
				}
				return poll.Success()
			}, poll.WithTimeout(15*time.Second))
		}
	})
}

// The time that an outage may take does not keep the host from undoing a change soon if
// the script is killed in the middle of it, or its client is lost.
func TestScriptIsDueSoonInALongOutage(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := armed(t, w)
		due := func() time.Time {
			text, err := os.ReadFile(w.path(c.Dir(), "due"))
			assert.NilError(t, err)
			seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			assert.NilError(t, err)
			return time.Unix(seconds, 0)
		}
		began := time.Now()
		time.Sleep(1100 * time.Millisecond) // a due time has whole seconds
		code, said := w.verb(c, "restart", "300", "9000")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, due().After(began.Add(300*time.Second)), "it was put off")
		assert.Assert(t, time.Until(due()) < 400*time.Second)
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if w.running("sleep") == 0 {
				return poll.Success()
			}
			return poll.Continue("something still sleeps")
		})
	})
}

// An engine that does not say which containers are to run again has none of them
// stopped.
func TestScriptStopsNothingThatItCannotStart(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := armed(t, w)
		w.write(t, "/stub/running/c1", "")
		w.write(t, "/stub/silent", "")
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 1, said)
		assert.NilError(t, os.Remove(w.path("stub/silent")))
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		_, running := w.run("/bin/sh", "-c", "ls /stub/running")
		assert.Equal(t, running, "c1\n", said)
	})
}

// A dockerd that hangs while it starts does not hold up the rollback.
func TestScriptUndoesWhileTheDaemonStarts(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := armed(t, w)
		w.write(t, "/stub/stuck", "")
		cmd := w.command(w.script(c, "restart")...)
		assert.NilError(t, cmd.Start())
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if strings.Contains(w.read("/stub/active"), "activating") {
				return poll.Success()
			}
			return poll.Continue("it does not start yet")
		}, poll.WithTimeout(20*time.Second))
		assert.NilError(t, os.Remove(w.path("stub/stuck")))
		began := time.Now()
		code, said := w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, time.Since(began) < 40*time.Second, said)
		assert.ErrorContains(t, cmd.Wait(), "exit status 4")
	})
}

// What the change was about to stop is not stopped after the rollback has started it.
func TestScriptEndsTheStopThatItGivesUp(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := armed(t, w)
		w.write(t, "/stub/running/c1", "")
		w.write(t, "/stub/slow", "40")
		cmd := w.command(w.script(c, "restart")...)
		assert.NilError(t, cmd.Start())
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if w.running("/docker stop c1") > 0 {
				return poll.Success()
			}
			return poll.Continue("nothing is stopped yet")
		}, poll.WithTimeout(20*time.Second))
		w.write(t, "/stub/slow", "0.05")
		code, said := w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Equal(t, w.running("/docker stop c1"), 0)
		assert.ErrorContains(t, cmd.Wait(), "exit status 4")
	})
}
