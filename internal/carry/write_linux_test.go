package carry

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// The last pass is started with the umask of the script, and gives files the modes that they have.
func TestWriteFileKeepsModes(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	path := filepath.Join(t.TempDir(), "link")
	assert.NilError(t, writeFile(path, []byte("x"), 0o644))
	info, err := os.Stat(path)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o644))
}
