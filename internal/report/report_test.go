package report

import (
	"encoding/json"
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// A shell gets back each word, whatever it holds.
func TestCommandQuotes(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a POSIX shell")
	}
	for _, word := range []string{"", "a b", "it's", "$(touch x)`id`", "a\nb\\", "-rf", "*", "é\x1b[31m", "a;b|c&d", "plain/path-1.0"} {
		out, err := exec.Command(sh, "-c", "printf %s "+Command(word)).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(out), word)
	}
	assert.Equal(t, Command("sudo", "chmod", "o+x", "--", "/srv/it's"), `sudo chmod o+x -- '/srv/it'\''s'`)
}

// Programs read this object: every status is counted, and fix is never null.
func TestJSON(t *testing.T) {
	r := New(survey.Facts{Context: "x", HostKind: "ssh"}, []Result{
		Pass("%d", 1),
		Warn("w").Fixed("true").With(Detail{Name: "a", Note: "b"}),
	})
	b, err := json.Marshal(r)
	assert.NilError(t, err)
	assert.Equal(t, string(b), `{"schemaVersion":1,"context":"x","endpoint":"","host":"ssh","results":[`+
		`{"id":"","category":"","title":"","status":"ok","message":"1","fix":[]},`+
		`{"id":"","category":"","title":"","status":"warning","message":"w","fix":["true"],"details":[{"name":"a","note":"b"}]}],`+
		`"summary":{"error":0,"ok":1,"skipped":0,"unknown":0,"warning":1}}`)
}
