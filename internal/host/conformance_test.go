//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
)

// odd are names that a careless shell would trip over, or run.
var odd = []string{
	"plain", "two  words", "new\nline\n", "quo'te", `dou"ble`, "$(touch oops)", "`touch oops`", "-n", "--", "*", "[a-z]?",
	"back\\slash", "semi;colon", "tab\t", "\xff\xfe", "~", "#x", "a=b", "%s%n", "ümläut", ".hidden", "...",
}

// everyByte is a body that holds each byte, NUL too, and no newline at its end.
func everyByte() []byte {
	b := make([]byte, 256*3)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestReadFiles(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		dir := t.TempDir()
		big := bytes.Repeat(everyByte(), 10000) // 7.7 MB: more than any buffer
		want := map[string]string{}
		var names []string
		add := func(name string, body []byte) {
			path := filepath.Join(dir, name)
			assert.NilError(t, os.WriteFile(path, body, 0o600))
			want[path] = string(body)
			names = append(names, path)
		}
		for _, name := range odd {
			add(name, []byte("body of "+name))
		}
		add("big", big)
		add("empty", nil)
		add("bytes", everyByte())
		add("newlines", []byte("\n\n\n"))
		assert.NilError(t, os.Symlink("bytes", filepath.Join(dir, "link")))
		names, want[dir+"/link"] = append(names, dir+"/link"), string(everyByte())

		var order []string
		got := map[string]string{}
		err := h.ReadFiles(t.Context(), paths(names), func(p Path, body io.Reader, err error) error {
			assert.NilError(t, err)
			all, err := io.ReadAll(body)
			got[p.Name], order = string(all), append(order, p.Name)
			return err
		})
		assert.NilError(t, err)
		assert.DeepEqual(t, order, names)
		for path := range want {
			assert.Check(t, got[path] == want[path], "%q: %d bytes, want %d", path, len(got[path]), len(want[path]))
		}
		_, err = os.Stat(filepath.Join(dir, "oops"))
		assert.Check(t, errors.Is(err, fs.ErrNotExist), "a file name was run")
	})
}

// What cannot be read comes with the reason in its place, and is not opened.
func TestReadFilesRefuses(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		assert.NilError(t, os.WriteFile(path("file"), []byte("x"), 0o600))
		assert.NilError(t, unix.Mkfifo(path("fifo"), 0o600))
		assert.NilError(t, os.Symlink("fifo", path("link")))
		assert.NilError(t, os.Symlink("nothing", path("dangling")))
		assert.NilError(t, os.Symlink("loop", path("loop")))
		cases := []struct {
			path string
			err  error
		}{
			{path("missing"), fs.ErrNotExist},
			{path("file/below"), unix.ENOTDIR},
			{path("dangling"), fs.ErrNotExist},
			{path("loop"), unix.ELOOP},
			{path("fifo"), ErrNotRegular},
			{path("link"), ErrNotRegular},
			{dir, ErrNotRegular},
			{"/dev/zero", ErrNotRegular},
			{path("file"), nil},
		}
		var names []string
		for _, c := range cases {
			names = append(names, c.path)
		}
		i := 0
		err := h.ReadFiles(t.Context(), paths(names), func(p Path, body io.Reader, err error) error {
			assert.Equal(t, p.Name, cases[i].path)
			assert.Check(t, is.ErrorIs(err, cases[i].err), p.Name)
			assert.Check(t, (body == nil) == (err != nil), p.Name)
			i++
			return nil
		})
		assert.NilError(t, err)
		assert.Equal(t, i, len(cases))
	})
}

// The reader of a body need not read it, and its error ends the reading; the
// host can be used as before.
func TestReadFilesStops(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		path := filepath.Join(t.TempDir(), "big")
		assert.NilError(t, os.WriteFile(path, make([]byte, 4<<20), 0o600))
		calls := 0
		assert.NilError(t, h.ReadFiles(t.Context(), paths([]string{path, path}), func(Path, io.Reader, error) error {
			calls++
			return nil
		}))
		assert.Equal(t, calls, 2)
		stop := errors.New("enough")
		err := h.ReadFiles(t.Context(), paths([]string{path, path}), func(Path, io.Reader, error) error { return stop })
		assert.Check(t, is.ErrorIs(err, stop))
		assert.NilError(t, h.Root(t.Context()))
		for _, bad := range []Path{{Name: "relative"}, {Name: "/nul\x00"}, {"relative", "/x"}, {"/nul\x00", "/x"}, {"/", "x"}} {
			assert.Check(t, h.ReadFiles(t.Context(), []Path{bad}, nil) != nil, "%q", bad)
		}
	})
}

// Every implementation says of a host what the native one says.
func TestLook(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files to others takes root")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range odd {
		assert.NilError(t, os.WriteFile(path(name), []byte(name), 0o640))
	}
	assert.NilError(t, os.Chown(path("plain"), 1000, 70000))
	assert.NilError(t, os.Chmod(path("plain"), 0o755|fs.ModeSetuid|fs.ModeSticky))
	assert.NilError(t, os.Symlink("trailing\n", path("link")))
	assert.NilError(t, os.Symlink("plain", path("good")))
	assert.NilError(t, unix.Mkfifo(path("fifo"), 0o600))
	assert.NilError(t, os.Mkdir(path("empty"), 0o700))
	assert.NilError(t, os.WriteFile(path("large"), make([]byte, MaxFile+5), 0o600))
	l, err := net.Listen("unix", path("sock"))
	assert.NilError(t, err)
	t.Cleanup(func() { l.Close() })
	acl := icmd.RunCommand("setfacl", "-m", "u:101000:rw,g:5:r", path("quo'te"), path("new\nline\n")).ExitCode == 0

	q := Questions{
		Files: []string{path("plain"), path("large"), path("fifo"), path("missing"), "/proc/self/mounts/x", "/proc/version"},
		Attrs: []string{path("plain"), path("missing")},
		ACLs:  acl,
		Reals: []string{path("good"), path("missing"), dir},
		Dirs:  []string{dir, path("empty"), path("missing"), path("plain")},
		Lines: []Lines{
			{Name: "status", Globs: []string{"/proc/1/status"}, Prefixes: []string{"Uid", "Gid:", ".*"}},
			{Name: "two", Globs: []string{dir + "/p[kl]ain", dir + "/a=b"}},
			{Name: "none", Globs: []string{dir + "/none*"}},
			{Name: "except", Globs: []string{dir + "/q*"}, Except: "quo'te"},
			{Name: "nothing"},
		},
		Links:    []string{"/proc/1/ns/*", path("link"), path("nothing*")},
		Programs: []string{"sh", "no-such-program", "cd"},
		Commands: []Command{{Args: []string{"printf", "%s", "a 'b'"}}, {Args: []string{"sh", "-c", "echo out; echo err >&2; exit 3"}}},
	}
	for _, name := range append(odd, "link", "good", "fifo", "empty", "sock", "missing", "plain/x") {
		q.Stats = append(q.Stats, path(name))
	}
	want, err := Local().Look(t.Context(), q)
	assert.NilError(t, err)
	if acl {
		assert.Equal(t, len(want.Stats[path("quo'te")].ACL.Entries), 6)
	}
	assert.Equal(t, len(want.Dirs[dir].Names), len(odd)+6)

	eachHost(t, func(t *testing.T, h Host) {
		got, err := h.Look(t.Context(), q)
		assert.NilError(t, err)
		if strings.HasSuffix(t.Name(), "busybox") { // it has tools of its own, and comes first
			assert.Check(t, strings.HasSuffix(got.Programs["sh"], "/sh"))
			got.Programs = want.Programs
		}
		assert.DeepEqual(t, got, want, sameError, sameBytes, sameNames)
	})
}

func TestSpace(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		got, err := h.Look(t.Context(), Questions{Spaces: []string{"/proc", "/", "/missing"}})
		assert.NilError(t, err)
		want := statfs("/")
		root := got.Spaces["/"]
		assert.Equal(t, root.Type, want.Type)
		assert.Equal(t, root.Bytes, want.Bytes)
		assert.Equal(t, root.Inodes, want.Inodes)
		assert.Check(t, root.Free > 0 && root.Free < root.Bytes)
		assert.ErrorIs(t, got.Spaces["/missing"].Err, fs.ErrNotExist)
		assert.Equal(t, got.Spaces["/proc"].Type, "0x9fa0")
	})
}

func TestCancel(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		assert.NilError(t, h.Root(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_, err := h.Run(ctx, Command{Args: []string{"sleep", "10"}})
		assert.Check(t, is.ErrorIs(err, context.Canceled))
		r, err := h.Run(t.Context(), Command{Args: []string{"true"}})
		assert.NilError(t, err)
		assert.Equal(t, r.Code, 0)
	})
}
