package host

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

func TestProcessRootReadsFiles(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	assert.NilError(t, err)
	path := func(name string) string { return filepath.Join(dir, name) }
	assert.NilError(t, os.Mkdir(path("real"), 0o700))
	assert.NilError(t, os.WriteFile(path("real/file"), []byte("hello"), 0o600))
	assert.NilError(t, os.Symlink("real", path("dir")))
	assert.NilError(t, os.Symlink("file", path("real/link")))
	assert.NilError(t, syscall.Mkfifo(path("real/fifo"), 0o600))
	r, err := OpenProcessRoot(os.Getpid())
	assert.NilError(t, err)
	defer r.Close()
	var got []string
	names := []string{path("real/file"), path("dir/file"), path("real/link"), path("real/fifo"), path("real"), path("real/none"), path("real/file/x"), "/proc/self/status"}
	err = r.ReadFiles(t.Context(), paths(names), func(p Path, body io.Reader, err error) error {
		assert.Equal(t, p.Name, names[len(got)])
		switch {
		case err == nil:
			b, err := io.ReadAll(body)
			assert.NilError(t, err)
			got = append(got, string(b))
		case errors.Is(err, ErrNotRegular):
			got = append(got, "not regular")
		case errors.Is(err, fs.ErrNotExist):
			got = append(got, "none")
		default:
			got = append(got, "error")
		}
		return nil
	})
	assert.NilError(t, err)
	assert.Equal(t, strings.Join(got, ", "), "hello, hello, hello, not regular, not regular, none, error, not regular")
}

func TestProcessRootListsFolders(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	assert.NilError(t, err)
	r, err := OpenProcessRoot(os.Getpid())
	assert.NilError(t, err)
	defer r.Close()
	names, err := r.Names(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(names), 0)
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	assert.NilError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	names, err = r.Names(dir)
	assert.NilError(t, err)
	slices.Sort(names)
	assert.DeepEqual(t, names, []string{"fifo", "file"})
	for _, none := range []string{"none", "file", "fifo"} {
		_, err = r.Names(filepath.Join(dir, none))
		assert.Assert(t, err != nil, none)
	}
}

func TestProcessRootStops(t *testing.T) {
	r, err := OpenProcessRoot(os.Getpid())
	assert.NilError(t, err)
	defer r.Close()
	stop := errors.New("stop")
	calls := 0
	each := func(Path, io.Reader, error) error { calls++; return stop }
	assert.ErrorIs(t, r.ReadFiles(t.Context(), paths([]string{"/none", "/none"}), each), stop)
	assert.Equal(t, calls, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, r.ReadFiles(ctx, paths([]string{"/none"}), each), context.Canceled)
	assert.Equal(t, calls, 1)
}

// A socket that another program listens on proves nothing of a daemon.
func TestDaemonsAreNotTheListener(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	assert.NilError(t, err)
	defer l.Close()
	assert.Equal(t, listener(socket), os.Getpid())
	assert.Equal(t, listener(socket+"x"), 0)
	roots, err := Daemons(socket)
	assert.Assert(t, err == nil || errors.Is(err, ErrNoDaemon), "%v", err)
	for _, r := range roots {
		assert.Assert(t, r.PID != os.Getpid())
		assert.Assert(t, isDockerd(r.PID))
		r.Close()
	}
}

// Root reads the files of a process only if it is a dockerd of root's: its name is
// nothing that an ordinary user could not have.
func TestIsDockerd(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to run programs as others")
	}
	sleep, err := exec.LookPath("sleep")
	assert.NilError(t, err)
	body, err := os.ReadFile(sleep)
	assert.NilError(t, err)
	for name, c := range map[string]struct {
		owner  int
		mode   fs.FileMode
		file   string
		attr   syscall.SysProcAttr
		expect bool
	}{
		"root's":                      {expect: true},
		"another name":                {file: "sleep"},
		"run by a user":               {attr: syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}},
		"a user's, run by root":       {owner: 1000},
		"others can write it":         {mode: 0o777},
		"in a user namespace of root": {attr: syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{Size: 1}}}},
	} {
		dir, err := os.MkdirTemp("", "daemon")
		assert.NilError(t, err)
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, cmp.Or(c.file, "dockerd"))
		assert.NilError(t, os.WriteFile(path, body, 0o755))
		assert.NilError(t, os.Chmod(path, cmp.Or(c.mode, 0o755)))
		assert.NilError(t, os.Chmod(dir, 0o755))
		assert.NilError(t, os.Chown(path, c.owner, 0))
		cmd := exec.Command(path, "60")
		cmd.SysProcAttr = &c.attr
		assert.NilError(t, cmd.Start(), name)
		assert.Check(t, isDockerd(cmd.Process.Pid) == c.expect, name)
		assert.Check(t, slices.Contains(dockerds(), cmd.Process.Pid) == c.expect, name)
		assert.NilError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		assert.Check(t, !isDockerd(cmd.Process.Pid), name)
	}
}
