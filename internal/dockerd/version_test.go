package dockerd

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"28.5.2": {28, 5, 2}, "20.10.24+dfsg1": {20, 10, 24}, "v29.0.0-rc.1": {29, 0, 0}, "1.51": {1, 51}, "6.1.0-13-amd64": {6, 1, 0},
		"4.18.0-553.el8": {4, 18, 0}, "29.7-dev": {29, 7}, "1.2.99999999999999999999": {1, 2},
	} {
		got, ok := ParseVersion(text)
		assert.Check(t, ok, text)
		assert.Equal(t, got, want, text)
	}
	for _, text := range []string{"", "dev", "29", "29.", "v", "library-import", "-1.2", "99999999999999999999.1"} {
		got, ok := ParseVersion(text)
		assert.Check(t, !ok, "%s: %v", text, got)
	}
	v := Version{28, 5, 2}
	assert.Check(t, v.AtLeast(28) && v.AtLeast(28, 5) && v.AtLeast(28, 5, 2) && v.AtLeast(20, 10, 3))
	assert.Check(t, !v.AtLeast(29) && !v.AtLeast(28, 6) && !v.AtLeast(28, 5, 3))
}
