package remap

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
)

// atOnce calls several things at the same time, and returns their exit codes.
func (w *world) atOnce(calls ...[]string) (codes []int, said string) {
	codes = make([]int, len(calls))
	words := make([]string, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { codes[i], words[i] = w.run(call...) })
	}
	all.Wait()
	return codes, strings.Join(words, "")
}

// simple is a change of one file.
func simple(t *testing.T, w *world, id string) Change {
	t.Helper()
	const was, is = "{}\n", "{\"userns-remap\":\"dockremap\"}\n"
	w.write(t, "/etc/docker/daemon.json", was)
	c := Change{ID: id, Unit: "docker.service", DataRoot: "/var/lib/docker",
		Config: File{Path: "/etc/docker/daemon.json", Existed: true, Before: hash(was), After: hash(is), Added: `"userns-remap":"dockremap"`}}
	w.install(t, c)
	return c
}

// armed is such a change, which is armed.
func armed(t *testing.T, w *world) Change {
	t.Helper()
	c := simple(t, w, testID)
	code, said := w.verb(c, "arm", "300")
	assert.Equal(t, code, 0, said)
	return c
}

// The units of a change that was killed while it installed them go with the next change,
// however far it came.
func TestScriptRemovesUnitsOfAKilledChange(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		const units = "/etc/systemd/system/"
		for n, made := range [][]string{
			{""}, {".service"}, {".service", "-confirm.service"},
		} {
			killed := simple(t, w, "2026112"+string(rune('0'+n))+"T000000Z")
			for _, name := range made {
				w.write(t, units+"docker-userns-"+killed.ID+name, "[Unit]\n")
			}
			theirs := units + "docker-userns-exporter.service"
			w.write(t, theirs, "[Unit]\n")
			next := armed(t, w)
			for _, name := range made {
				assert.Equal(t, w.read(units+"docker-userns-"+killed.ID+name) == "missing", name != "", name)
			}
			assert.Assert(t, w.read(theirs) != "missing")
			code, said := w.verb(next, "undo")
			assert.Equal(t, code, 0, said)
			assert.NilError(t, os.RemoveAll(w.path(next.Dir())))
		}
	})
}

// Of two changes one is armed, of two decisions one is taken, and of two ways
// back one is gone.
func TestScriptCalledTwiceAtOnce(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		for range 2 {
			one, two := simple(t, w, "20261122T210203Z"), simple(t, w, "20261122T210204Z")
			codes, said := w.atOnce(w.script(one, "arm", "300"), w.script(two, "arm", "300"))
			armed, other := one, two
			if codes[0] != 0 {
				armed, other = two, one
			}
			slices.Sort(codes)
			assert.DeepEqual(t, codes, []int{0, 75})
			assert.Assert(t, strings.Contains(said, "another change is"), said)
			code, said := w.verb(other, "undo")
			assert.Equal(t, code, 0, said)
			target, err := os.Readlink(w.path("var/lib/docker-userns/pending"))
			assert.NilError(t, err, "the other's rollback took the lock")
			assert.Equal(t, target, armed.Dir())

			codes, said = w.atOnce(w.script(armed, "keep"), w.script(armed, "undo"))
			slices.Sort(codes)
			assert.DeepEqual(t, codes, []int{0, 4})
			verdict, _ := os.Readlink(w.path(armed.Dir(), "verdict"))
			result, _ := os.ReadFile(w.path(armed.Dir(), "result"))
			assert.Equal(t, string(result), verdict+"\n", said)
			assert.NilError(t, os.RemoveAll(w.path(one.Dir())))
			assert.NilError(t, os.RemoveAll(w.path(two.Dir())))
		}
		w.write(t, "/stub/restarts", "")
		c := simple(t, w, "20261122T210205Z")
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		_, said = w.run("systemctl", "restart", "docker.service")
		assert.Equal(t, said, "")
		codes, said := w.atOnce(w.script(c, "undo"), w.script(c, "fire"), w.script(c, "expire"))
		assert.DeepEqual(t, codes, []int{0, 0, 0})
		restarts, _ := os.ReadFile(w.path("stub/restarts"))
		assert.Equal(t, string(restarts), "x\nx\n", said)
	})
}

// If arm refuses, it leaves nothing behind.
func TestScriptRefusesToArm(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, w *world)
		says  string
	}{
		"edited":  {func(t *testing.T, w *world) { w.write(t, "/etc/docker/daemon.json", "{ }\n") }, "changed after the plan was made"},
		"gone":    {func(t *testing.T, w *world) { os.Remove(w.path("etc/docker/daemon.json")) }, "changed after the plan was made"},
		"symlink": {func(t *testing.T, w *world) { moveAway(t, w) }, "not a regular file"},
		"no timer": {func(t *testing.T, w *world) {
			w.write(t, "/usr/local/bin/systemd-run", "#!/bin/sh\necho no bus >&2; exit 1\n")
		}, "no bus"},
		"timer over": {func(t *testing.T, w *world) { w.write(t, "/usr/local/bin/systemd-run", "#!/bin/sh\n") }, "give it more"},
		"no folder":  {func(t *testing.T, w *world) { breakUnits(t, w) }, "installing the units"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "dash")
			c := simple(t, w, testID)
			_, before := w.run("ls", "-AR", "/etc", "/var", "/stub")
			test.spoil(t, w)
			code, said := w.verb(c, "arm", "300")
			assert.Equal(t, code, 1, said)
			assert.Assert(t, strings.Contains(said, test.says), said)
			os.Remove(w.path(c.Dir(), "log"))
			if name != "gone" && name != "symlink" && name != "no folder" && name != "timer over" {
				_, after := w.run("ls", "-AR", "/etc", "/var", "/stub")
				assert.Equal(t, after, before)
			}
			assert.Assert(t, w.read("/var/lib/docker-userns/pending") == "missing")
		})
	}
}

func moveAway(t *testing.T, w *world) {
	file := w.path("etc/docker/daemon.json")
	assert.NilError(t, os.Rename(file, file+".real"))
	assert.NilError(t, os.Symlink("daemon.json.real", file))
}

func breakUnits(t *testing.T, w *world) {
	assert.NilError(t, os.RemoveAll(w.path("etc/systemd/system")))
	w.write(t, "/etc/systemd/system", "")
}

// If nothing can start the daemon, the script says so, and goes on when
// it is called again.
func TestScriptFailsAndIsCalledAgain(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := simple(t, w, testID)
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		validate, err := os.ReadFile(w.path("stub/validate"))
		assert.NilError(t, err)
		w.write(t, "/stub/validate", "exit 1\n")
		w.write(t, "/stub/active", "failed\n")
		for _, verb := range []string{"undo", "fire"} {
			code, said = w.verb(c, verb)
			assert.Equal(t, code, 1, said)
			result, _ := os.ReadFile(w.path(c.Dir(), "result"))
			assert.Equal(t, string(result), "failed: docker.service does not start; 'journalctl -u docker.service' says why\n")
		}
		code, said = w.verb(c, "keep")
		assert.Equal(t, code, 4, said)
		code, said = w.verb(simple(t, w, "20261122T210204Z"), "arm", "300")
		assert.Equal(t, code, 75, said)
		w.write(t, "/stub/validate", string(validate))
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Equal(t, w.read("/var/lib/docker-userns/pending"), "missing")
	})
}

// Our text can be removed from a file that somebody else edited, but what is
// left is not what the daemon had: then the whole backup is restored.
func TestScriptRestoresTheWholeBackup(t *testing.T) {
	for name, left := range map[string]string{"does not start": "broken", "another data root": "userns-remap"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "dash")
			c := simple(t, w, testID)
			before := w.read("/etc/docker/daemon.json")
			code, said := w.verb(c, "arm", "300")
			assert.Equal(t, code, 0, said)
			edited := "{\"userns-remap\":\"dockremap\",\"theirs\":\"" + left + "\"}\n"
			w.write(t, "/etc/docker/daemon.json", edited)
			_, _ = w.run("systemctl", "restart", "docker.service")
			code, said = w.verb(c, "undo")
			assert.Equal(t, code, 0, said)
			assert.Equal(t, w.read("/etc/docker/daemon.json"), before)
			theirs, _ := os.ReadFile(w.path(c.Dir(), "theirs/etc/docker/daemon.json"))
			assert.Equal(t, string(theirs), edited)
			notes, _ := os.ReadFile(w.path(c.Dir(), "notes"))
			assert.Assert(t, strings.Contains(string(notes), "the whole backup was restored"), "%s", notes)
		})
	}
}

// Without systemd there is a lock and a rollback, and nobody restarts the daemon.
func TestScriptWithoutSystemd(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := simple(t, w, testID)
		c.Unit = ""
		w.install(t, c)
		for _, name := range []string{"systemctl", "systemd-run"} {
			assert.NilError(t, os.Remove(w.path("usr/local/bin", name)))
		}
		before := w.read("/etc/docker/daemon.json")
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		w.write(t, "/etc/docker/daemon.json", "{\"userns-remap\":\"dockremap\"}\n")
		code, said = w.verb(c, "fire")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, strings.Contains(said, "restart it by hand"), said)
		assert.Equal(t, w.read("/etc/docker/daemon.json"), before)
		assert.Equal(t, w.read("/var/lib/docker-userns/pending"), "missing")
	})
}
