package audit

import (
	"bytes"
	"path"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzClean compares clean with path.Clean, which the engine uses.
func FuzzClean(f *testing.F) {
	for _, name := range []string{
		"", ".", "./", "/", "..", "../x", "/../x", "a", "./a", "/a", "a/", "a//b", "a/./b", "a/../b", "./.a", "a/.b/c", "a/..b/c", "a/b/.",
		"usr/lib/node_modules/.package-lock.json", "usr/lib/node_modules//package-lock.json", "12345678/.wh.x", "1234567/12345678/9", "a/b/..", ".//", ".//x",
	} {
		f.Add([]byte(name))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		want := strings.TrimPrefix(path.Clean(string(name)), "/")
		got, slash := clean(bytes.Clone(name))
		assert.Equal(t, string(got), want)
		assert.Equal(t, slash, strings.LastIndexByte(want, '/'))
	})
}

func TestText(t *testing.T) {
	assert.Equal(t, text([]byte("caf\xc3\xa9 \x1b[31m\n")), "café \x1b[31m\n")
	assert.Equal(t, text([]byte("caf\xe9")), `caf\xe9`)
	long := text(bytes.Repeat([]byte("a"), 1<<20))
	assert.Equal(t, len(long), longest)
	assert.Assert(t, strings.HasSuffix(long, "..."))
}
