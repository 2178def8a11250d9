package layercache

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// What was not used for longest goes first, and what a killed process left goes too.
func TestTrim(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 1<<20)
	const layers = 20
	for n := range layers {
		keep(t, c, some(uint64(n), 200), fmt.Sprint(n))
		at := time.Now().Add(time.Duration(n-layers) * time.Minute)
		assert.NilError(t, os.Chtimes(filepath.Join(dir, nameOf(fmt.Sprint(n))), at, at))
	}
	assert.Assert(t, kept(c, "0") != "") // and so it is used
	old, fresh := filepath.Join(dir, unfinished+"old"), filepath.Join(dir, unfinished+"fresh")
	for _, name := range []string{old, fresh} {
		assert.NilError(t, os.WriteFile(name, []byte("half"), 0o600))
	}
	before := time.Now().Add(-2 * stale)
	assert.NilError(t, os.Chtimes(old, before, before))
	foreign := filepath.Join(dir, "foreign")
	assert.NilError(t, os.WriteFile(foreign, make([]byte, 1<<20), 0o600))
	assert.NilError(t, os.Chtimes(foreign, before, before))
	one, err := os.Stat(filepath.Join(dir, nameOf("0")))
	assert.NilError(t, err)
	c.size = 5 * one.Size()
	c.trim()
	for n := range layers {
		want := n == 0 || n > layers-4
		assert.Equal(t, kept(c, fmt.Sprint(n)) != "", want, "layer %d", n)
	}
	_, err = os.Stat(old)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = os.Stat(foreign)
	assert.NilError(t, err, "it is not ours")
	_, err = os.Stat(fresh)
	assert.NilError(t, err)
}

// A cache stays within its bound however much is put into it, and takes nothing that is
// larger than all of it.
func TestBound(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 64<<10)
	for n := range 300 {
		keep(t, c, some(uint64(n), 200), fmt.Sprint(n))
		assert.Assert(t, sizeOf(t, dir) <= 64<<10*9/8, "%d bytes", sizeOf(t, dir))
	}
	keep(t, c, some(1, 20000), "huge")
	assert.Equal(t, kept(c, "huge"), "")
	c.Close()
	assert.Assert(t, sizeOf(t, dir) <= 64<<10 && sizeOf(t, dir) > 32<<10, "%d bytes", sizeOf(t, dir))
}

func sizeOf(t testing.TB, dir string) (size int64) {
	t.Helper()
	all, err := os.ReadDir(dir)
	assert.NilError(t, err)
	for _, e := range all {
		info, err := e.Info()
		assert.NilError(t, err)
		size += info.Size()
	}
	return size
}
