package sh

import (
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWord(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "docker": "docker", "a=b,c:d@e%f+g-h/i.j_9": "a=b,c:d@e%f+g-h/i.j_9", "it's": `'it'\''s'`,
		"~": "'~'", "a b": "'a b'", "$x": "'$x'", "a\nb": "'a\nb'", "é": "'é'",
	} {
		assert.Equal(t, Word(word), want)
	}
	assert.Equal(t, Command("sudo", "chmod", "o+x", "--", "/srv/it's", ""), `sudo chmod o+x -- '/srv/it'\''s' ''`)
}

// A shell reads each word as it was.
func FuzzWord(f *testing.F) {
	for _, seed := range []string{"", "'", "a'b", "''", "$(id)", "`id`", "\\", "\\'", "\n", "-n", "*", "~", "#x", "é", "a\xffb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) || len(s) > 10_000 { // quoted twice, it has to fit into one argument
			return
		}
		out, err := exec.Command("sh", "-c", "printf '%s|%s' "+Quote(s)+" "+Word(s)).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(out), s+"|"+s)
	})
}
