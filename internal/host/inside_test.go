//go:build linux

package host

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// insides are paths in the tree of hostileTree, with what is to be read there: a
// body, or an error.
var insides = map[string]any{
	"/etc/passwd":         "passwd",
	"/deep/er/file":       "deep",
	"//deep/./er/../er//": ErrNotRegular,
	"/deep/er/../er/file": "deep",

	// links that stay inside, however they are written
	"/relative":     "passwd",
	"/absolute":     "passwd",
	"/above":        "passwd",
	"/chain":        "passwd",
	"/dir/passwd":   "passwd",
	"/newline\n":    "passwd",
	"/dir/../chain": "passwd",
	"/two  words":   "$odd",

	// links that would lead out
	"/secret":        fs.ErrNotExist,
	"/secret-above":  fs.ErrNotExist,
	"/outside/file":  fs.ErrNotExist,
	"/kmsg":          fs.ErrNotExist,
	"/proc/self/x":   fs.ErrNotExist,
	"/../secret":     fs.ErrNotExist,
	"/../../../../x": fs.ErrNotExist,

	"/fifo":         ErrNotRegular,
	"/device":       ErrNotRegular,
	"/socket-to":    ErrNotRegular,
	"/etc":          ErrNotRegular,
	"/":             ErrNotRegular,
	"/loop":         unix.ELOOP,
	"/dangling":     fs.ErrNotExist,
	"/missing/file": fs.ErrNotExist,
	"/etc/passwd/x": unix.ENOTDIR,
}

// hostileTree is a tree such as an image can bring along, and a secret next to it.
func hostileTree(t *testing.T) (root string) {
	dir := t.TempDir()
	root = filepath.Join(dir, "ro ot'")
	at := func(name string) string { return filepath.Join(root, name) }
	assert.NilError(t, os.MkdirAll(at("deep/er"), 0o700))
	assert.NilError(t, os.MkdirAll(at("etc"), 0o700))
	for name, body := range map[string]string{"../secret": "secret", "../file": "secret", "etc/passwd": "passwd", "deep/er/file": "deep", "two  words": "$odd"} {
		assert.NilError(t, os.WriteFile(at(name), []byte(body), 0o600))
	}
	for name, target := range map[string]string{
		"relative": "etc/passwd", "absolute": "/etc/passwd", "above": "../../../../etc/passwd", "chain": "deep/up/relative", "deep/up": "..",
		"dir": "/etc", "newline\n": "etc/passwd", "secret": filepath.Join(dir, "secret"), "secret-above": "../secret", "outside": dir,
		"kmsg": "/proc/kmsg", "loop": "loop", "dangling": "nowhere", "socket-to": "/fifo",
	} {
		assert.NilError(t, os.Symlink(target, at(name)))
	}
	assert.NilError(t, unix.Mkfifo(at("fifo"), 0o600))
	assert.NilError(t, unix.Mknod(at("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5)))) // /dev/zero
	return root
}

// No link leads out of a tree that somebody else made, and nothing in it is opened
// but regular files.
func TestInside(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		root := hostileTree(t)
		var all []Path
		for name := range insides {
			all = append(all, Path{root, name})
		}
		// Among others, so that they are read many at a time. Links in a root are followed.
		assert.NilError(t, os.Symlink(root, root+".link"))
		plain := filepath.Join(root, "etc/passwd")
		all = append(all, Path{Name: plain}, Path{Root: root + "/none", Name: "/x"}, Path{Root: root + ".link/etc", Name: "/passwd"})
		want := func(p Path) any {
			switch {
			case p.Root == "", p.Name == "/passwd":
				return "passwd"
			case p.Name == "/x":
				return fs.ErrNotExist
			}
			return insides[p.Name]
		}
		var order []Path
		assert.NilError(t, h.ReadFiles(t.Context(), all, func(p Path, body io.Reader, err error) error {
			order = append(order, p)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(body)
			}
			holds(t, p, got, err, want(p))
			return nil
		}))
		assert.DeepEqual(t, order, all)

		a, err := h.Look(t.Context(), Questions{Inside: all[:len(insides)]})
		assert.NilError(t, err)
		assert.Equal(t, len(a.Inside), len(insides))
		for p, b := range a.Inside {
			holds(t, p, b.Data, b.Err, want(p))
		}
	})
}

func holds(t *testing.T, p Path, got []byte, err error, want any) {
	t.Helper()
	if text, ok := want.(string); ok {
		assert.Check(t, err == nil && string(got) == text, "%q: %q, %v", p.Name, got, err)
		return
	}
	assert.Check(t, is.ErrorIs(err, want.(error)), "%q: %q", p.Name, got)
}

// Links and directories that change while they are followed lead nowhere else.
func TestInsideThatChanges(t *testing.T) {
	eachHost(t, func(t *testing.T, h Host) {
		root := hostileTree(t)
		at := func(name string) string { return filepath.Join(root, name) }
		secret := filepath.Dir(root)
		assert.NilError(t, os.MkdirAll(at("a/real"), 0o700))
		assert.NilError(t, os.WriteFile(at("a/real/secret"), []byte("mine"), 0o600))
		assert.NilError(t, os.Symlink(secret, at("a/out")))
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { // the directory, and the link in its place, in turns
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = unix.Renameat2(unix.AT_FDCWD, at("a/real"), unix.AT_FDCWD, at("a/out"), unix.RENAME_EXCHANGE)
			}
		}()
		defer func() { close(stop); <-done }()
		var all []Path
		for range 64 {
			all = append(all, Path{root, "/a/real/secret"}, Path{root, "/a/out/secret"})
		}
		mine := 0
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			assert.NilError(t, h.ReadFiles(t.Context(), all, func(_ Path, body io.Reader, refused error) error {
				if refused == nil {
					got, err := io.ReadAll(body)
					assert.Check(t, string(got) == "mine", "read %q, %v", got, err)
					mine++
				}
				return nil
			}))
		}
		assert.Check(t, mine > 0, "the file was never read: nothing was tried")
	})
}

// A kernel without openat2(2), or a filter that does not know it, changes nothing.
func TestInsideByWalking(t *testing.T) {
	root := hostileTree(t)
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	assert.NilError(t, err)
	defer unix.Close(fd)
	for name, want := range insides {
		got := ""
		found, err := walkInside(fd, name)
		if err == nil {
			f, errOpen := reopen(found, name)
			unix.Close(found)
			if err = errOpen; err == nil {
				body, errRead := io.ReadAll(f)
				got, err = string(body), errors.Join(errRead, f.Close())
			}
		}
		holds(t, Path{root, name}, []byte(got), err, want)
	}
	open, err := os.ReadDir("/proc/self/fd")
	assert.NilError(t, err)
	for _, f := range open {
		target, _ := os.Readlink("/proc/self/fd/" + f.Name())
		assert.Check(t, target == root || !strings.HasPrefix(target, root), "left open: %s", target)
	}
}
