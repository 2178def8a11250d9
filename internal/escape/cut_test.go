package escape

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestHeadAndTail(t *testing.T) {
	for _, tc := range []struct {
		text       string
		most       int
		head, tail string
	}{
		{"", 3, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "abc...", "...bcd"},
		{"éaé", 3, "éa...", "...aé"},
		{"aéé", 2, "a...", "...é"},
		{"ééé", 1, "...", "...é"},
		{"\x80\x80\x80", 2, "\x80\x80...", "...\x80\x80"},
	} {
		assert.Equal(t, Head(tc.text, tc.most), tc.head, "%q", tc.text)
		assert.Equal(t, Tail(tc.text, tc.most), tc.tail, "%q", tc.text)
	}
}
