package layercache

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A file has a name while nobody writes to it, and another one afterwards, even if somebody
// turns its time back.
func TestExtent(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system does not tell when a file was changed")
	}
	path := filepath.Join(t.TempDir(), "file")
	assert.NilError(t, os.WriteFile(path, []byte("abc"), 0o600))
	f, err := os.Open(path)
	assert.NilError(t, err)
	defer f.Close()
	assert.Equal(t, Extent(f, 0, 3), "", "it was changed just now")
	assert.Equal(t, Extent(bytes.NewReader(nil), 0, 3), "")
	time.Sleep(settled + 100*time.Millisecond)
	name := Extent(f, 0, 3)
	assert.Assert(t, name != "" && name == Extent(f, 0, 3) && name != Extent(f, 1, 2) && name != Extent(f, 0, 2))

	info, err := os.Stat(path)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(path, []byte("xyz"), 0o600))
	assert.NilError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	time.Sleep(settled + 100*time.Millisecond)
	assert.Assert(t, Extent(f, 0, 3) != "" && Extent(f, 0, 3) != name)
}
