//go:build unix

package commands

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// A user whose file root edits could swap it for a link to a file of root.
func TestRootEditsNoFileOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	const before = "{}\n"
	give := func(path string) { assert.NilError(t, os.Lchown(path, 1000, 1000)) }
	for name, prepare := range map[string]func(folder string) (path string){
		"file": func(folder string) string {
			path := filepath.Join(folder, "config.json")
			give(path)
			return path
		},
		"folder": func(folder string) string {
			give(folder)
			return filepath.Join(folder, "config.json")
		},
		"link": func(folder string) string {
			path := filepath.Join(folder, "link")
			assert.NilError(t, os.Symlink("config.json", path))
			give(path)
			return path
		},
		"folder behind a link": func(folder string) string {
			path := filepath.Join(t.TempDir(), "link")
			assert.NilError(t, os.Symlink(filepath.Join(folder, "config.json"), path))
			give(folder)
			return path
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "config.json")
			assert.NilError(t, os.WriteFile(file, []byte(before), 0o600))
			changed, err := editFile(prepare(folder), func([]byte) ([]byte, error) { return []byte("changed"), nil })
			assert.ErrorContains(t, err, "belongs to UID 1000: run this command as that user")
			assert.Assert(t, !changed)
			after, err := os.ReadFile(file)
			assert.NilError(t, err)
			assert.Equal(t, string(after), before)
		})
	}
}

func TestAnEditedFileKeepsItsMode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	assert.NilError(t, os.WriteFile(file, nil, 0o640))
	changed, err := editFile(file, func([]byte) ([]byte, error) { return []byte("changed"), nil })
	assert.NilError(t, err)
	assert.Assert(t, changed)
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o640))
}
