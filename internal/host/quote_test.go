package host

import (
	"bytes"
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"
)

// A shell writes what it was given to print.
func FuzzPrinting(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("no sh here")
	}
	for _, seed := range []string{"", "plain", "it's", "$(touch x)`y`", "a\nb\\\\'\"!*?[~#", "\xff\xc3'\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.IndexByte(in, 0) >= 0 || len(in) > 10_000 {
			t.Skip("no argument holds a NUL, or is longer than 128 KiB when it is quoted")
		}
		got, err := exec.Command(sh, "-c", printing(in)).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(got), string(in))
	})
}

func TestGlob(t *testing.T) {
	assert.Equal(t, glob("/p$c/[0-9]*/a b"), `'/''p''$''c''/'[`+`'0'-'9']*'/''a'' ''b'`)
	assert.Equal(t, regex("Uid:.*[x]^$\\"), `Uid:\.\*\[x\]\^\$\\`)
}
