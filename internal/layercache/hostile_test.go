package layercache

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func digestOf(text string) digest.Digest { return digest.FromString(text) }

// placed is a cache with the layer "a", its file, and what the layer says.
func placed(t *testing.T) (c *Cache, path, want string) {
	t.Helper()
	c = opened(t, t.TempDir(), Size)
	want = keep(t, c, some(7, 30), "a")
	return c, filepath.Join(c.root.Name(), nameOf("a")), want
}

// What is in the place of an entry and is none of ours is not read, and gives way.
func TestForeignEntries(t *testing.T) {
	for name, put := range map[string]func(t *testing.T, c *Cache, path string){
		"garbage": func(t *testing.T, _ *Cache, path string) {
			assert.NilError(t, os.WriteFile(path, []byte("garbage"), 0o600))
		},
		"empty":     func(t *testing.T, _ *Cache, path string) { assert.NilError(t, os.WriteFile(path, nil, 0o600)) },
		"not there": func(t *testing.T, _ *Cache, path string) { assert.NilError(t, os.Remove(path)) },
		"an entry of another name": func(t *testing.T, c *Cache, path string) {
			keep(t, c, some(8, 3), "b")
			assert.NilError(t, os.Rename(filepath.Join(filepath.Dir(path), nameOf("b")), path))
		},
		"an alias of another name": func(t *testing.T, c *Cache, path string) {
			keep(t, c, some(8, 3), "b", "c")
			assert.NilError(t, os.Rename(filepath.Join(filepath.Dir(path), nameOf("c")), path))
		},
		"an alias of itself":   func(_ *testing.T, c *Cache, _ string) { c.write(nameOf("a"), kindAlias, []byte(nameOf("a"))) },
		"an alias of nothing":  func(_ *testing.T, c *Cache, _ string) { c.write(nameOf("a"), kindAlias, []byte(nameOf("z"))) },
		"an alias of a path":   func(_ *testing.T, c *Cache, _ string) { c.write(nameOf("a"), kindAlias, []byte("../../../etc/passwd")) },
		"a document":           func(_ *testing.T, c *Cache, _ string) { c.write(nameOf("a"), kindDocument, []byte("{}")) },
		"a layer of no format": func(_ *testing.T, c *Cache, _ string) { c.write(nameOf("a"), kindLayer, []byte("{}")) },
		"a version of tomorrow": func(t *testing.T, _ *Cache, path string) {
			b, err := os.ReadFile(path)
			assert.NilError(t, err)
			assert.NilError(t, os.WriteFile(path, bytes.Replace(b, []byte(magic), []byte("docker-userns cache 9\n"), 1), 0o600))
		},
		"a link to an entry": func(t *testing.T, _ *Cache, path string) {
			assert.NilError(t, os.Rename(path, path+"x"))
			assert.NilError(t, os.Symlink(filepath.Base(path)+"x", path))
		},
		"a link elsewhere": func(t *testing.T, _ *Cache, path string) {
			outside := filepath.Join(t.TempDir(), "outside")
			assert.NilError(t, os.Rename(path, outside))
			assert.NilError(t, os.Symlink(outside, path))
		},
		"a huge file": func(t *testing.T, _ *Cache, path string) { assert.NilError(t, os.Truncate(path, maxFile+1)) },
		"a file that others may write to": func(t *testing.T, _ *Cache, path string) {
			notOnWindows(t)
			assert.NilError(t, os.Chmod(path, 0o620))
		},
		"a folder": func(t *testing.T, _ *Cache, path string) {
			assert.NilError(t, os.Remove(path))
			assert.NilError(t, os.Mkdir(path, 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, path, want := placed(t)
			put(t, c, path)
			assert.Equal(t, kept(c, "a"), "")
			assert.Equal(t, keep(t, c, some(7, 30), "a"), want)
			if name != "a folder" { // which cannot be replaced by a file: it stays in the way
				assert.Equal(t, kept(c, "a"), want)
			}
			assert.Equal(t, len(drafts(t, c)), 0)
		})
	}
}

// A link does not lead to another file being written.
func TestLinksAreReplaced(t *testing.T) {
	c, path, want := placed(t)
	outside := filepath.Join(t.TempDir(), "outside")
	assert.NilError(t, os.WriteFile(outside, []byte("mine"), 0o600))
	assert.NilError(t, os.Remove(path))
	assert.NilError(t, os.Symlink(outside, path))
	keep(t, c, some(7, 30), "a")
	assert.Equal(t, kept(c, "a"), want)
	b, err := os.ReadFile(outside)
	assert.NilError(t, err)
	assert.Equal(t, string(b), "mine")
}

// An entry that is cut off or altered anywhere is none, or says what it said.
func TestDamagedEntries(t *testing.T) {
	c, path, want := placed(t)
	whole, err := os.ReadFile(path)
	assert.NilError(t, err)
	for n := range whole {
		assert.NilError(t, os.WriteFile(path, whole[:n], 0o600))
		assert.Equal(t, kept(c, "a"), "", "cut off after %d bytes", n)
		bad := bytes.Clone(whole)
		bad[n] ^= 1 << (n % 8)
		assert.NilError(t, os.WriteFile(path, bad, 0o600))
		if text := kept(c, "a"); text != "" {
			assert.Equal(t, text, want, "with another byte %d", n)
		}
	}
	assert.NilError(t, os.WriteFile(path, append(bytes.Clone(whole), whole...), 0o600))
	assert.Equal(t, kept(c, "a"), "", "with more after its end")
}

// A folder that is not a folder of this user alone is no cache.
func TestForeignFolders(t *testing.T) {
	notOnWindows(t)
	dir := t.TempDir()
	file, link, open := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "open")
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	assert.NilError(t, os.Symlink(t.TempDir(), link))
	assert.NilError(t, os.Mkdir(open, 0o700))
	assert.NilError(t, os.Chmod(open, 0o770))
	for path, want := range map[string]string{
		file: "not a folder", link: "not a folder", open: "belongs to another user", filepath.Join(file, "below"): "not a directory",
	} {
		_, err := Open(path, Size)
		assert.ErrorContains(t, err, want)
	}
	c, err := Open(filepath.Join(dir, "new", "cache"), Size)
	assert.NilError(t, err)
	defer c.Close()
	info, err := os.Stat(filepath.Join(dir, "new", "cache"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o700))
}

func notOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
}
