package commands

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string][2]int64{"200000": {200000, 65536}, "1:2": {1, 2}, "": {}} {
		r, err := parseRange(text)
		assert.NilError(t, err)
		assert.Equal(t, [2]int64{r.Start, r.Size}, want)
	}
	_, err := parseRange("4294901759:65536")
	assert.NilError(t, err)
	for _, text := range []string{"4294967296:65536", "4294967296", "4294901760:65536", "100000:4294967296", "9223372036854775807:9223372036854775807", "x", "1:", ":1", "-5", "0", "1:0", "1:2:3", "99999999999", "1:-1", "1-2"} {
		_, err := parseRange(text)
		assert.ErrorContains(t, err, "--range "+text)
	}
}
