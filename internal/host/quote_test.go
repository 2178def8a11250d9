package host

import (
	"bytes"
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":        `''`,
		"a":       `'a'`,
		"it's":    `'it'\''s'`,
		"'":       `''\'''`,
		"$(x) `y": "'$(x) `y'",
		"a\nb\\":  "'a\nb\\'",
	} {
		assert.Equal(t, quote(in), want)
	}
	assert.Equal(t, words([]string{"a", "b'c"}), `'a' 'b'\''c'`)
}

// A shell reads back what was quoted.
func FuzzQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("no sh here")
	}
	for _, seed := range []string{"", "plain", "it's", "$(touch x)`y`", "a\nb\\\\'\"!*?[~#", "\xff\xc3'\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.IndexByte(in, 0) >= 0 {
			t.Skip("no argument holds a NUL")
		}
		got, err := exec.Command(sh, "-c", "printf %s "+quote(string(in))).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(got), string(in))
		got, err = exec.Command(sh, "-c", printing(in)).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(got), string(in))
	})
}

func TestGlob(t *testing.T) {
	assert.Equal(t, glob("/p$c/[0-9]*/a b"), `'/''p''$''c''/'[`+`'0'-'9']*'/''a'' ''b'`)
	assert.Equal(t, regex("Uid:.*[x]^$\\"), `Uid:\.\*\[x\]\^\$\\`)
}
