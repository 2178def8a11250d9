package render

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestWrapped(t *testing.T) {
	for _, tc := range []struct {
		width       int
		text, wants string
	}{
		{0, "one two three", "one two three"},
		{20, "one two three", "one two three"},
		{12, "one two three", "one two\n    three"},
		{12, "one two thr", "one two\n    thr"},
		{11, "one two", "one two"},
		{10, "one two", "one\n    two"},
		{10, "/a/very/long/path is", "/a/very/long/path\n    is"},
		{10, "世界 世", "世界\n    世"}, // two columns each
		{10, "a  b", "a  b"},
	} {
		assert.Equal(t, Style{width: tc.width}.wrapped(tc.text, 4, 4), tc.wants, "%d: %s", tc.width, tc.text)
	}
}

// A line that wraps on a terminal cannot be wiped.
func TestCutShort(t *testing.T) {
	assert.Equal(t, CutShort("auditing äöü", 10), "auditing ä")
	assert.Equal(t, CutShort("auditing 世界", 12), "auditing 世")
	assert.Equal(t, CutShort("auditing", 8), "auditing")
	assert.Equal(t, CutShort("auditing", 0), "")
	assert.Equal(t, CutShort("auditing", -3), "auditing")
}
