//go:build linux

package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
)

// sameError compares what can be asked of an error, not its words.
var sameError = cmp.Comparer(func(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	for _, target := range []error{fs.ErrNotExist, fs.ErrPermission, ErrNotRegular, unix.ENOTDIR} {
		if errors.Is(a, target) != errors.Is(b, target) {
			return false
		}
	}
	return true
})

func TestReplace(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		for _, name := range odd {
			path := filepath.Join(t.TempDir(), name)
			assert.NilError(t, h.Replace(t.Context(), File{Path: path, Data: everyByte(), Mode: 0o640, UID: 12, GID: 70001}))
			got := lstat(path, false)
			assert.Equal(t, got.Mode, fs.FileMode(0o640), "%q", path)
			assert.Equal(t, got.UID, int64(12))
			assert.Equal(t, got.GID, int64(70001))
			body, err := os.ReadFile(path)
			assert.NilError(t, err)
			assert.Check(t, bytes.Equal(body, everyByte()), "%q", path)
			onlyFile(t, path)
		}
	})
}

// A file that is there keeps all but its body.
func TestReplaceKeeps(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		path := filepath.Join(t.TempDir(), "daemon.json")
		assert.NilError(t, os.WriteFile(path, []byte("old"), 0o600))
		assert.NilError(t, os.Chown(path, 1000, 1001))
		assert.NilError(t, os.Chmod(path, 0o604))
		busybox := strings.HasSuffix(t.Name(), "busybox") // its cp knows no attributes
		acl := !busybox && icmd.RunCommand("setfacl", "-m", "u:101000:rw", path).ExitCode == 0
		xattr := !busybox && unix.Setxattr(path, "user.note", []byte("kept\x00"), 0) == nil
		old := lstat(path, true)
		body := bytes.Repeat([]byte("{\"a\": 'b' \\}\r\n"), 20000) // 280 kB
		assert.NilError(t, h.Replace(t.Context(), File{Path: path, Data: body, Mode: 0o777}))

		now := lstat(path, true)
		assert.Check(t, now.Inode != old.Inode, "the file was written in place")
		old.Inode, old.Size = now.Inode, int64(len(body))
		assert.DeepEqual(t, now, old)
		assert.Check(t, !acl || len(now.ACL.Entries) == 5)
		if xattr {
			value := make([]byte, 10)
			n, err := unix.Getxattr(path, "user.note", value)
			assert.NilError(t, err)
			assert.Equal(t, string(value[:n]), "kept\x00")
		}
		got, err := os.ReadFile(path)
		assert.NilError(t, err)
		assert.Check(t, bytes.Equal(got, body))
		onlyFile(t, path)
	})
}

func TestReplaceRefuses(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		assert.NilError(t, os.WriteFile(path("file"), []byte("old"), 0o600))
		assert.NilError(t, os.Symlink("file", path("link")))
		assert.NilError(t, os.Symlink("nothing", path("dangling")))
		assert.NilError(t, unix.Mkfifo(path("fifo"), 0o600))
		assert.NilError(t, os.Mkdir(path("dir"), 0o700))
		for _, c := range []struct {
			name string
			err  error
		}{
			{"link", ErrSymlink},
			{"dangling", ErrSymlink},
			{"fifo", ErrNotRegular},
			{"dir", ErrNotRegular},
			{"missing/file", fs.ErrNotExist},
		} {
			err := h.Replace(t.Context(), File{Path: path(c.name), Data: []byte("new"), Mode: 0o600})
			assert.Check(t, is.ErrorIs(err, c.err), c.name)
		}
		assert.Check(t, h.Replace(t.Context(), File{Path: "daemon.json"}) != nil)
		names, err := os.ReadDir(dir)
		assert.NilError(t, err)
		assert.Equal(t, len(names), 5)
		body, err := os.ReadFile(path("file"))
		assert.NilError(t, err)
		assert.Equal(t, string(body), "old")
	})
}

// A full disk leaves the old file, and nothing next to it.
func TestReplaceFullDisk(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Skip("mounting takes more than root here")
		}
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
		path := filepath.Join(dir, "daemon.json")
		assert.NilError(t, os.WriteFile(path, []byte("old"), 0o600))
		err := h.Replace(t.Context(), File{Path: path, Data: make([]byte, 100<<10)})
		assert.Check(t, is.ErrorIs(err, unix.ENOSPC))
		body, err := os.ReadFile(path)
		assert.NilError(t, err)
		assert.Equal(t, string(body), "old")
		onlyFile(t, path)
	})
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	names, err := os.ReadDir(filepath.Dir(path))
	assert.NilError(t, err)
	assert.Equal(t, len(names), 1, "%v", names)
}

func TestRun(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		cases := map[string]struct {
			command Command
			want    Result
		}{
			"both streams":     {Command{Args: []string{"sh", "-c", "echo out; echo err >&2; exit 3"}}, Result{[]byte("out\n"), []byte("err"), 3}},
			"standard input":   {Command{Args: []string{"cat"}, Stdin: everyByte()}, Result{everyByte(), nil, 0}},
			"no input":         {Command{Args: []string{"cat"}}, Result{nil, nil, 0}},
			"as they are":      {Command{Args: append([]string{"printf", `%s|`}, odd...)}, Result{[]byte(joined(odd)), nil, 0}},
			"environment":      {Command{Args: []string{"sh", "-c", `printf %s "$A$LC_ALL"`}, Env: []string{"A=x y'z"}}, Result{[]byte("x y'zC"), nil, 0}},
			"killed":           {Command{Args: []string{"sh", "-c", "kill -9 $$"}}, Result{nil, nil, 137}},
			"builtin":          {Command{Args: []string{"exit", "0"}}, Result{Code: 127}},
			"no such":          {Command{Args: []string{"no-such-program"}}, Result{Code: 127}},
			"input not wanted": {Command{Args: []string{"true"}, Stdin: make([]byte, 200<<10)}, Result{nil, nil, 0}},
		}
		for name, c := range cases {
			got, err := h.Run(t.Context(), c.command)
			assert.NilError(t, err, name)
			if c.want.Code == 127 {
				got.Stderr = nil
			}
			assert.Check(t, is.DeepEqual(got, c.want, sameBytes), name)
		}
		for _, bad := range [][]string{nil, {""}, {"-x"}, {"A=b"}, {"x", "\x00"}} {
			_, err := h.Run(t.Context(), Command{Args: bad})
			assert.Check(t, err != nil, "%q", bad)
		}
	})
}

var (
	sameBytes = cmp.Comparer(bytes.Equal)
	sameNames = cmp.Comparer(slices.Equal[[]string])
)

func joined(s []string) string { return strings.Join(s, "|") + "|" }
