package layercache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// What belongs to somebody else is not read, by root neither, which makes no folder in
// theirs.
func TestForeignOwners(t *testing.T) {
	asRoot(t)
	c, path, want := placed(t)
	assert.NilError(t, os.Chown(path, 1000, 1000))
	assert.Equal(t, kept(c, "a"), "")
	assert.Equal(t, keep(t, c, some(7, 30), "a"), want)
	assert.Equal(t, kept(c, "a"), want)

	home := t.TempDir()
	assert.NilError(t, os.Chown(home, 1000, 1000))
	_, err := Open(filepath.Join(home, "docker-userns", "layers"), Size)
	assert.ErrorContains(t, err, "belongs to another user")
	_, err = os.Lstat(filepath.Join(home, "docker-userns"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(home, Size)
	assert.ErrorContains(t, err, "belongs to another user")
}

// A pipe in the place of an entry keeps nobody waiting.
func TestPipe(t *testing.T) {
	c, path, want := placed(t)
	assert.NilError(t, os.Remove(path))
	assert.NilError(t, syscall.Mkfifo(path, 0o600))
	assert.Equal(t, kept(c, "a"), "")
	keep(t, c, some(7, 30), "a")
	assert.Equal(t, kept(c, "a"), want)
}

// mounted is a folder with a file system of its own.
func mounted(t *testing.T, options string) string {
	t.Helper()
	asRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// Where nothing can be written, whoever reads headers gets them as ever.
func TestFullDisk(t *testing.T) {
	c := opened(t, mounted(t, "size=64k,mode=700"), Size)
	for n := range 100 {
		all := some(uint64(n), 500)
		want, err := told(&made{all: all})
		assert.NilError(t, err)
		assert.Equal(t, keep(t, c, all, fmt.Sprint(n)), want)
		if text := kept(c, fmt.Sprint(n)); text != "" {
			assert.Equal(t, text, want)
		}
	}
	assert.Equal(t, len(drafts(t, c)), 0)
}

func TestReadOnlyFolder(t *testing.T) {
	dir := mounted(t, "mode=700")
	c := opened(t, dir, Size)
	want := keep(t, c, some(7, 30), "a")
	assert.NilError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	c = opened(t, dir, Size)
	assert.Equal(t, kept(c, "a"), want)
	keep(t, c, some(8, 30), "b")
	assert.Equal(t, kept(c, "b"), "")
	c.KeepDocument([]byte("{}"))
	_, err := Open(filepath.Join(dir, "new"), Size)
	assert.ErrorContains(t, err, "read-only")
}

// TestManyProcesses has processes write, read and trim one cache at once: what is read is
// always whole.
func TestManyProcesses(t *testing.T) {
	const layers = 8
	dir := os.Getenv("LAYERCACHE_SHARED")
	if dir != "" {
		c := opened(t, dir, 64<<10) // all of them take more
		seen := 0
		for n := range 20 * layers {
			all := some(uint64(n%layers), 300)
			want := keep(t, c, all, fmt.Sprint(n%layers), fmt.Sprint("other ", n%layers))
			for k := range layers {
				text := kept(c, fmt.Sprint("other ", k))
				if text != "" {
					seen++
				}
				if k == n%layers && text != "" {
					assert.Equal(t, text, want)
				}
			}
		}
		assert.Assert(t, seen > 0)
		return
	}
	dir = t.TempDir()
	var all []*exec.Cmd
	var said [4]strings.Builder
	for i := range said {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestManyProcesses$", "-test.v")
		cmd.Env = append(os.Environ(), "LAYERCACHE_SHARED="+dir)
		cmd.Stdout, cmd.Stderr = &said[i], &said[i]
		assert.NilError(t, cmd.Start())
		all = append(all, cmd)
	}
	for i, cmd := range all {
		assert.NilError(t, cmd.Wait(), "%s", &said[i])
	}
	assert.Equal(t, len(drafts(t, opened(t, dir, Size))), 0)
}
