package carry_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
)

// A container may replace files and folders of its volumes by links, fifos and devices
// while they are copied. Nothing from outside gets into the copy, and nothing is waited
// for.
func TestNamesThatChange(t *testing.T) {
	needRoot(t)
	outside, from, to := t.TempDir(), t.TempDir(), target(t)
	sh(t, outside, "mkdir folder; echo SECRET >folder/file; echo SECRET >file")
	sh(t, from, "mkdir -p work others; i=0; while [ $i -lt 300 ]; do echo $i >work/$i; i=$((i+1)); done")
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	for n := range 4 {
		swapping.Go(func() { swap(t, stop, from, outside, n) })
	}
	for range 60 {
		assert.Check(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift, Live: true, Workers: 4}))
	}
	close(stop)
	swapping.Wait()
	assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift}))
	assert.Equal(t, sh(t, to, "grep -rl SECRET . || true"), "")
	equal(t, tree(t, to, same), want(t, from))
}

// swap makes one name many things in turn.
func swap(t *testing.T, stop chan struct{}, from, outside string, n int) {
	name, other := filepath.Join(from, "work", fmt.Sprint("name", n)), filepath.Join(from, "others", fmt.Sprint(n))
	makers := []func() error{
		func() error { return os.WriteFile(other, []byte("mine"), 0o600) },
		func() error { return os.Symlink(filepath.Join(outside, "file"), other) },
		func() error { return unix.Mkfifo(other, 0o600) },
		func() error { return os.MkdirAll(filepath.Join(other, "file"), 0o700) },
		func() error { return os.Symlink(filepath.Join(outside, "folder"), other) },
	}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if !assert.Check(t, makers[i%len(makers)]()) {
			return
		}
		if os.Rename(other, name) != nil { // of another type
			_ = os.RemoveAll(name)
			if !assert.Check(t, os.Rename(other, name)) {
				return
			}
		}
	}
}

// Only what is on the file system of the tree is copied.
func TestMountBelow(t *testing.T) {
	from := t.TempDir()
	needRoot(t)
	sh(t, from, "mkdir -p plain/mounted")
	assert.NilError(t, unix.Mount("none", filepath.Join(from, "plain/mounted"), "tmpfs", 0, ""))
	t.Cleanup(func() { assert.Check(t, unix.Unmount(filepath.Join(from, "plain/mounted"), 0)) })
	err := carry.Tree(t.Context(), from, target(t), carry.Options{})
	assert.ErrorContains(t, err, filepath.Join(from, "plain/mounted")+": another file system is mounted there")
}

// A tree is not followed down for ever.
func TestDepth(t *testing.T) {
	needRoot(t)
	for depth, refused := range map[int]bool{carry.MaxDepth: false, carry.MaxDepth + 1: true} {
		from := t.TempDir()
		deepen(t, from, depth)
		err := carry.Tree(t.Context(), from, target(t), carry.Options{Shift: shift, Workers: 4})
		if !refused {
			assert.NilError(t, err)
			continue
		}
		assert.ErrorContains(t, err, "more than 1000 folders deep")
	}
}

func deepen(t *testing.T, at string, depth int) {
	t.Helper()
	root, err := os.OpenRoot(at)
	assert.NilError(t, err)
	for range depth {
		assert.NilError(t, root.Mkdir("d", 0o700))
		next, err := root.OpenRoot("d")
		assert.NilError(t, err)
		assert.NilError(t, root.Close())
		root = next
	}
	assert.NilError(t, root.Close())
}

// The source may not be a link, such as a `_data` that somebody replaced.
func TestSourceIsNoLink(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	sh(t, dir, "mkdir real; ln -s real link; echo file >file")
	for _, name := range []string{"link", "file", "missing"} {
		to := target(t)
		err := carry.Tree(t.Context(), filepath.Join(dir, name), to, carry.Options{})
		assert.ErrorContains(t, err, "copy "+filepath.Join(dir, name)+" to ")
		_, err = os.Lstat(to)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// What is wrong is told with its path.
func TestNoSpace(t *testing.T) {
	from, small := everything(t), t.TempDir()
	assert.NilError(t, unix.Mount("none", small, "tmpfs", 0, "size=200k"))
	t.Cleanup(func() { assert.Check(t, unix.Unmount(small, 0)) })
	err := carry.Tree(t.Context(), from, filepath.Join(small, "copy"), carry.Options{Shift: shift})
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.Assert(t, strings.Contains(err.Error(), from+"/"), "%s", err)
}
