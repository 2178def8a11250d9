package remap

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// changesRights is a change of rights, whose program writes down what it was called for,
// and whether the daemon ran.
func changesRights(t *testing.T, w *world, rights, script string) Change {
	t.Helper()
	c := simple(t, w, testID)
	c.Rights = rights
	w.install(t, c)
	w.write(t, c.Dir()+"/program", "#!/bin/sh\n[ $2 != ready ] || exit 0\necho \"$1 $2 $(cat /stub/active)\" >>/stub/rights\n[ \"$3\" = "+c.Dir()+" ] || exit 1\n"+script)
	assert.NilError(t, os.Chmod(w.path(c.Dir(), "program"), 0o700))
	w.write(t, "/stub/rights", "")
	code, said := w.verb(c, "arm", "300")
	assert.Equal(t, code, 0, said)
	return c
}

// called are the calls of the program, and how the daemon was at each.
func (w *world) called() []string {
	text, _ := os.ReadFile(w.path("stub/rights"))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Rights change while the daemon is down, in both directions, and back in an undo, which may
// come at a boot: before docker starts.
func TestScriptChangesRights(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		for _, rights := range []string{"give", "take"} {
			c := changesRights(t, w, rights, "")
			code, said := w.verb(c, "restart")
			assert.Equal(t, code, 0, said)
			assert.DeepEqual(t, w.called(), []string{"grant " + rights + " inactive"})
			code, said = w.verb(c, "undo")
			assert.Equal(t, code, 0, said)
			assert.DeepEqual(t, w.called(), []string{"grant " + rights + " inactive", "grant undo-" + rights + " inactive"})
			assert.Assert(t, !w.exists(c.Dir()+"/program"))
			assert.NilError(t, os.RemoveAll(w.path(c.Dir())))
		}
		c := changesRights(t, w, "give", "")
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		assert.NilError(t, os.RemoveAll(w.path("run")))
		assert.NilError(t, os.Mkdir(w.path("run"), 0o755))
		w.write(t, "/stub/active", "inactive\n")
		code, said = w.verb(c, "boot")
		assert.Equal(t, code, 0, said)
		assert.DeepEqual(t, w.called(), []string{"grant give inactive", "grant undo-give inactive"})
	})
}

// A change that is kept, or never came to change rights, calls nothing for that.
func TestScriptKeepsRights(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := changesRights(t, w, "give", "")
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		code, said = w.verb(c, "keep")
		assert.Equal(t, code, 0, said)
		assert.DeepEqual(t, w.called(), []string{"grant give inactive"})
		assert.Assert(t, !w.exists(c.Dir()+"/program"))
		assert.NilError(t, os.RemoveAll(w.path(c.Dir())))

		c = changesRights(t, w, "give", "")
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.DeepEqual(t, w.called(), []string{""})
	})
}

// What could not be given in full is taken back, and what cannot be taken back is reported.
func TestScriptAndRightsThatFail(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := changesRights(t, w, "give", `case $2 in give) echo "no such right" >&2; exit 1 ;; esac`)
		code, said := w.verb(c, "restart")
		assert.Assert(t, code == 1 && strings.Contains(said, "no such right"), "%d %s", code, said)
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.DeepEqual(t, w.called(), []string{"grant give inactive", "grant undo-give inactive"})
		assert.Assert(t, strings.Contains(w.read("/stub/active"), `"active`))
		assert.NilError(t, os.RemoveAll(w.path(c.Dir())))

		c = changesRights(t, w, "give", `case $2 in undo-give) echo "it is immutable" >&2; exit 1 ;; esac`)
		code, said = w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		code, said = w.verb(c, "undo")
		assert.Assert(t, code == 1 && strings.Contains(said, "it is immutable"), "%d %s", code, said)
		assert.Assert(t, strings.Contains(w.read(c.Dir()+"/result"), "failed: the rights to what containers mount are not what they were: it is immutable"), "%s", w.read(c.Dir()+"/result"))
		assert.Assert(t, strings.Contains(w.read("/stub/active"), `"active`), "the daemon runs all the same")
	})
}

// What could not be taken back is noted, and no reason for the undo to fail.
func TestScriptNotesWhatIsLeft(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := changesRights(t, w, "give", `case $2 in undo-give) echo "rights to /srv/a may be left"; echo "and to /srv/b" ;; esac`)
		code, said := w.verb(c, "restart")
		assert.Equal(t, code, 0, said)
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		notes, err := os.ReadFile(w.path(c.Dir(), "notes"))
		assert.NilError(t, err)
		assert.Equal(t, string(notes), "rights to /srv/a may be left\nand to /srv/b\n")
	})
}

// A program that cannot be run is found out before anything is touched.
func TestScriptAndAProgramThatCannotBeRun(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := simple(t, w, testID)
		c.Rights = "give"
		w.install(t, c)
		w.write(t, c.Dir()+"/program", "#!/bin/sh\n")
		code, said := w.verb(c, "arm", "300")
		assert.Assert(t, code == 1 && strings.Contains(said, "cannot be run"), "%d %s", code, said)
		assert.Assert(t, !w.exists(c.Dir()+"/backup") && !w.exists(Folder+"/pending"))
	})
}
