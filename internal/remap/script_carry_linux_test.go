package remap

import (
	"fmt"
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
	return copies(t, w, c, script)
}

// copies arms a change with a copy.
func copies(t *testing.T, w *world, c Change, script string) Change {
	t.Helper()
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

// carriesBack is a change with a copy whose folders take the place of those of a data root.
func carriesBack(t *testing.T, w *world, script string) Change {
	t.Helper()
	w.write(t, "/stub/root", newPlace+"\n")
	w.write(t, "/var/lib/docker/image/old", "")
	w.write(t, testTwin+"/image/new", "")
	w.write(t, testTwin+"/containers/new", "")
	const was, is = "{\"userns-remap\":\"dockremap\"}\n", "{}\n"
	c := simple(t, w, testID)
	w.write(t, c.Config.Path, was)
	c.Config = File{Path: c.Config.Path, Existed: true, Before: hash(was), After: hash(is)}
	c.DataRoot, c.NewRoot, c.Twin, c.Aside = newPlace, "/var/lib/docker", testTwin, testAside
	c = copies(t, w, c, script)
	assert.NilError(t, os.Remove(w.path(testTwin, "volume")))
	w.write(t, c.Config.Path, is)
	return c
}

const testAside = "/var/lib/docker/.docker-userns-before-" + testID

// swaps are the steps of the program that swaps folders.
var swaps = []string{
	"mkdir -m 700 " + testAside, "mv /var/lib/docker/image " + testAside, "mv " + testTwin + "/image /var/lib/docker",
	">" + testAside + "/containers.none", "mv " + testTwin + "/containers /var/lib/docker", "echo '{}'",
}

// Wherever the program that swaps folders ends, and the undo that swaps them back, all is
// where it was in the end.
func TestScriptSwapsBack(t *testing.T) {
	for n := range len(swaps) + 1 {
		t.Run(fmt.Sprint(n, " steps"), func(t *testing.T) {
			eachShell(t, func(t *testing.T, w *world) {
				script := strings.Join(swaps[:n], "\n")
				if n < len(swaps) {
					script += "\nexit 1"
				}
				c := carriesBack(t, w, script)
				code, said := w.verb(c, "restart")
				assert.Equal(t, code == 0, n == len(swaps), said)
				if n == len(swaps) {
					assert.Assert(t, w.exists("/var/lib/docker/image/new") && w.exists("/var/lib/docker/containers/new") && w.exists(testAside+"/image/old"))
				}
				code, said = w.verb(c, "undo")
				assert.Equal(t, code, 0, said)
				assert.Assert(t, w.exists("/var/lib/docker/image/old") && !w.exists("/var/lib/docker/image/new") && !w.exists("/var/lib/docker/containers") && !w.exists(testAside))
				twin := testTwin + ".undone-" + testID
				if n == 0 { // the next attempt goes on with it
					twin = testTwin
				}
				assert.Assert(t, w.exists(twin+"/image/new") && w.exists(twin+"/containers/new"))
				assert.Assert(t, strings.Contains(w.read(c.Dir()+"/notes"), "what was copied stays in "+twin), "%s", w.read(c.Dir()+"/notes"))
			})
		})
	}
}

// A change that is kept leaves what the data root had before where it moved.
func TestScriptKeepsWhatMovedAside(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := carriesBack(t, w, strings.Join(swaps, "\n"))
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		code, said = w.verb(c, "keep")
		assert.Equal(t, code, 0, said)
		assert.Assert(t, w.exists(testAside+"/image/old") && w.exists("/var/lib/docker/image/new") && !w.exists(testTwin))
	})
}

// What is in the place of the folder that moved aside is not moved.
func TestScriptSwapsOnlyItsOwn(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := carriesBack(t, w, strings.Join(swaps, "\n"))
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		assert.NilError(t, os.Chmod(w.path(testAside), 0o755))
		code, said = w.verb(c, "undo")
		assert.Assert(t, code == 1 && strings.Contains(said, "is not the folder that the change made"), "%d %s", code, said)
		assert.Assert(t, w.exists("/var/lib/docker/image/new"))
	})
}
