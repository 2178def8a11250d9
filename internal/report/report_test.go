package report

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

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
