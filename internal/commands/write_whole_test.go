//go:build unix

package commands

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// The folder of metrics often belongs to the user of the program that reads them. That user
// puts a link to a file of root in the place of what root is writing.
func TestWritingChangesNoFileBehindALink(t *testing.T) {
	folder := t.TempDir()
	secret := filepath.Join(t.TempDir(), "shadow")
	assert.NilError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	var swapped atomic.Int64
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			entries, _ := os.ReadDir(folder)
			for _, e := range entries {
				path := filepath.Join(folder, e.Name())
				if e.Type().IsRegular() && strings.HasPrefix(e.Name(), ".") && os.Remove(path) == nil && os.Symlink(secret, path) == nil {
					swapped.Add(1)
				}
			}
		}
	}()
	for range 10000 {
		file := filepath.Join(folder, "x.prom")
		_ = writeWhole(file, []byte("text"), 0o644) // or it was disturbed
		_ = os.Remove(file)
		if swapped.Load() > 200 {
			break
		}
	}
	close(done)
	<-ended
	assert.Assert(t, swapped.Load() > 0)
	info, err := os.Stat(secret)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
	text, err := os.ReadFile(secret)
	assert.NilError(t, err)
	assert.Equal(t, string(text), "secret")
}

func TestWritingReplacesOnlyFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	assert.NilError(t, os.WriteFile(file, []byte("old"), 0o600))
	assert.NilError(t, writeWhole(file, []byte("new"), 0o644))
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o644))
	link, fifo := filepath.Join(folder, "link"), filepath.Join(folder, "fifo")
	assert.NilError(t, os.Symlink("file", link))
	assert.NilError(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{link, fifo, folder} {
		assert.ErrorContains(t, writeWhole(path, nil, 0o644), path+" is not a regular file")
	}
	entries, err := os.ReadDir(folder)
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 3, "nothing is left behind")
}
