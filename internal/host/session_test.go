//go:build linux

package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// nobody runs the shell that ssh starts as a user who may do nothing.
func nobody(t *testing.T) Host {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user takes root")
	}
	h := &remote{kind: KindSSH, session: newSession("box", func() *exec.Cmd {
		cmd := exec.Command("sh", "-c", root)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		return cmd
	})}
	t.Cleanup(func() { h.Close() })
	return h
}

// Without root and without sudo a host is looked at as who logged in.
func TestWithoutRoot(t *testing.T) {
	h := nobody(t)
	assert.ErrorContains(t, h.Root(t.Context()), "box is read as the user with ID 65534, not as root: ")
	dir := t.TempDir()
	assert.NilError(t, os.Chmod(dir, 0o700))
	a, err := h.Look(t.Context(), Questions{
		Files: []string{"/etc/passwd", "/etc/shadow", dir + "/x"},
		Stats: []string{"/etc/shadow", dir + "/x"},
		Dirs:  []string{dir},
		Reals: []string{dir + "/x"},
	})
	assert.NilError(t, err)
	assert.NilError(t, a.Files["/etc/passwd"].Err)
	assert.NilError(t, a.Stats["/etc/shadow"].Err)
	for name, err := range map[string]error{
		"file": a.Files["/etc/shadow"].Err, "below": a.Files[dir+"/x"].Err, "stat": a.Stats[dir+"/x"].Err,
		"dir": a.Dirs[dir].Err, "real": a.Reals[dir+"/x"].Err,
		"replace": h.Replace(t.Context(), File{Path: "/etc/passwd", Data: []byte("x")}),
	} {
		assert.Check(t, is.ErrorIs(err, fs.ErrPermission), name)
	}
}

// Leave is asked for once, and only if the shell was refused.
func TestAsk(t *testing.T) {
	asked, program := 0, "false"
	ask := func(context.Context) error { asked++; program = "sh"; return nil }
	h := &remote{session: newSession("box", func() *exec.Cmd { return exec.Command(program) })}
	h.ask = ask
	defer h.Close()
	for range 2 {
		r, err := h.Run(t.Context(), Command{Args: []string{"echo", "hello"}})
		assert.NilError(t, err)
		assert.Equal(t, string(r.Stdout), "hello\n")
	}
	assert.Equal(t, asked, 1)

	refused := &remote{session: newSession("box", func() *exec.Cmd {
		return exec.Command("sh", "-c", "echo a password is required >&2; exit 1")
	})}
	refused.ask = func(context.Context) error { return errors.New("no") }
	assert.Error(t, refused.Root(t.Context()), "reaching box: asking for a password: no")
	assert.Error(t, refused.Root(t.Context()), "reaching box: a password is required")
}

// What a login script prints is not taken for an answer. A shell that dies fails
// the call that finds it dead, and is started again; a closed host stays closed.
func TestSession(t *testing.T) {
	starts := 0
	s := newSession("box", func() *exec.Cmd {
		starts++
		return exec.Command("sh", "-c", "echo Welcome; echo 65534; echo to the box; exec sh")
	})
	h := &remote{session: s}
	ctx := t.Context()
	if os.Geteuid() == 0 {
		assert.NilError(t, h.Root(ctx))
	}
	look := func() error {
		a, err := h.Look(ctx, Questions{Files: []string{"/etc/passwd"}})
		return errors.Join(err, a.Files["/etc/passwd"].Err)
	}
	assert.NilError(t, look())
	assert.NilError(t, s.shell.cmd.Process.Kill())
	assert.ErrorContains(t, look(), "reaching box: ")
	assert.NilError(t, look())
	assert.Equal(t, starts, 2)
	assert.NilError(t, h.Close())
	assert.ErrorIs(t, look(), errClosed)
}

// What waits for a flag sees it raised, also if it was before, and not once it was
// lowered.
func TestFlag(t *testing.T) {
	f := newFlag()
	waiting := f.set()
	assert.Check(t, !f.isSet())
	f.raise()
	f.raise()
	<-waiting
	<-f.set()
	f.lower()
	f.lower()
	assert.Check(t, !f.isSet())
}
