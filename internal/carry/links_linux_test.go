package carry

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// A container moved the folder with one name of a file after that was copied, and put a link
// to elsewhere in its place, or nothing. The other name is no link to what is there.
func TestLinkWhoseFolderMoved(t *testing.T) {
	for name, moved := range map[string]func(folder, outside string) error{
		"it is a link": func(folder, outside string) error { return os.Symlink(outside, folder) },
		"it is gone":   func(string, string) error { return nil },
		"another file is there": func(folder, _ string) error {
			return os.WriteFile(folder, []byte("another"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			from, to, outside := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "outside")
			for _, folder := range []string{from, to, outside} {
				assert.NilError(t, os.Mkdir(folder, 0o700))
			}
			assert.NilError(t, os.WriteFile(filepath.Join(outside, "f"), []byte("secret"), 0o600))
			assert.NilError(t, os.WriteFile(filepath.Join(from, "z"), []byte("mine"), 0o600))
			assert.NilError(t, os.Link(filepath.Join(from, "z"), filepath.Join(from, "y")))
			assert.NilError(t, moved(filepath.Join(to, "a"), outside))

			d := open(t, from, to)
			var st unix.Stat_t
			assert.NilError(t, unix.Lstat(filepath.Join(from, "z"), &st))
			first := d.links.of(&st)
			first.path, first.inode = "a/f", 1
			for _, name := range []string{"z", "y"} {
				assert.NilError(t, d.linked(name, &st, tick()))
				text, err := os.ReadFile(filepath.Join(to, name))
				assert.NilError(t, err)
				assert.Equal(t, string(text), "mine")
			}
			assert.Equal(t, d.inodeOfCopy("z"), d.inodeOfCopy("y"))
			assert.Assert(t, !first.reliable, "the next copy looks at it again")
		})
	}
}

// open begins the copy of a folder.
func open(t *testing.T, from, to string) *folder {
	t.Helper()
	source, err := openFolder(unix.AT_FDCWD, from)
	assert.NilError(t, err)
	target, err := openFolder(unix.AT_FDCWD, to)
	assert.NilError(t, err)
	top, err := os.OpenRoot(to)
	assert.NilError(t, err)
	t.Cleanup(func() { _, _, _ = source.Close(), target.Close(), top.Close() })
	c := &copier{Options: Options{Progress: &Progress{}}, ctx: t.Context(), from: from, to: to, top: top, links: newLinks(), workers: semaphore.NewWeighted(0)}
	return &folder{copier: c, source: source, target: target, tick: tick()}
}
