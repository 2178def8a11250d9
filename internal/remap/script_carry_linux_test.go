package remap

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const (
	testTwin = "/var/lib/docker/.docker-userns-twin"
	newPlace = "/var/lib/docker/200000.200000"
)

// carries is a change with a copy of the data root, whose program does what the script
// says. It is called with "carry finish TWIN".
func carries(t *testing.T, w *world, script string) Change {
	t.Helper()
	c := simple(t, w, testID)
	c.DataRoot, c.NewRoot, c.Twin, c.Tree = "/var/lib/docker", newPlace, testTwin, newPlace
	w.install(t, c)
	notes := w.path(testTwin, ".docker-userns")
	assert.NilError(t, os.MkdirAll(notes, 0o700))
	w.write(t, testTwin+"/volume", "data")
	w.write(t, testTwin+"/.docker-userns/copier", "#!/bin/sh\n"+script)
	assert.NilError(t, os.Chmod(w.path(testTwin, ".docker-userns/copier"), 0o700))
	code, said := w.verb(c, "arm", "300")
	assert.Equal(t, code, 0, said)
	return c
}

// places is a program that moves the copy to its place while the daemon is down.
const places = `[ "$*" = "carry finish ` + testTwin + `" ] && [ "$(cat /stub/active)" = inactive ] && mv "$3" ` + newPlace + ` && echo '{"images":[],"volumes":["data"]}'`

// exists reports whether the world has a path.
func (w *world) exists(path string) bool {
	_, err := os.Lstat(w.path(path))
	return err == nil
}

func TestScriptCompletesACopy(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := carries(t, w, places)
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, strings.Contains(w.read(c.Dir()+"/"+CarriedFile), `{\"images\":[],\"volumes\":[\"data\"]}`), "%s", w.read(c.Dir()+"/"+CarriedFile))
		assert.Assert(t, w.exists(newPlace+"/volume") && !w.exists(testTwin))
		code, said = w.verb(c, "keep")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, w.exists(newPlace+"/volume") && !w.exists(newPlace+"/.docker-userns"), "what was remembered of the copy is gone")
	})
}

// A copy that was put in its place is moved away by the undo, with what was written to it.
func TestScriptMovesAnUndoneCopyAway(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := carries(t, w, places)
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		w.write(t, newPlace+"/written", "by the engine")
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		aside := newPlace + ".undone-" + testID
		assert.Assert(t, w.exists(aside+"/volume") && w.exists(aside+"/written") && !w.exists(newPlace))
		assert.Assert(t, strings.Contains(w.read(c.Dir()+"/notes"), "what was copied stays in "+aside), "%s", w.read(c.Dir()+"/notes"))
	})
}

// A copy that was not completed stays for the next attempt.
func TestScriptAndACopyThatFails(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := carries(t, w, "echo no space >&2; exit 1")
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 1, said)
		assert.Assert(t, strings.Contains(said, "copying what changed: no space"), said)
		assert.Assert(t, strings.Contains(w.read("/stub/active"), "inactive"))
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, strings.Contains(w.read("/stub/active"), `"active`))
		assert.Assert(t, w.exists(testTwin+"/volume") && !w.exists(newPlace))
		assert.Assert(t, strings.Contains(w.read(c.Dir()+"/notes"), "what was copied stays in "+testTwin))
	})
}

// A program is run only from a directory that only root can change.
func TestScriptRunsOnlyRootsCopier(t *testing.T) {
	for name, change := range map[string]func(notes string) error{
		"its folder is another's": func(notes string) error { return os.Chown(notes, 1000, 0) },
		"its folder is open":      func(notes string) error { return os.Chmod(notes, 0o755) },
		"its folder is a link":    func(notes string) error { return os.Rename(notes, notes+".real") },
	} {
		t.Run(name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, w *world) {
				c := carries(t, w, "true >/stub/ran")
				notes := w.path(testTwin, ".docker-userns")
				assert.NilError(t, change(notes))
				if name == "its folder is a link" {
					assert.NilError(t, os.Symlink(".docker-userns.real", notes))
				}
				code, said := w.verb(c, "restart")
				assert.Assert(t, code == 1 && strings.Contains(said, "is not the copy that was made"), "%d %s", code, said)
				assert.Assert(t, !w.exists("/stub/ran"))
			})
		})
	}
}
