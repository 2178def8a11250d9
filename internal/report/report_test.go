package report

import (
	"encoding/json"
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// A reason is given once: later results with it are explained by the first.
func TestReasonIsToldOnce(t *testing.T) {
	down, no := errors.New("down"), errors.New("no")
	named := func(id string, r Result) Result { return Question{ID: id}.Answer(r) }
	r := New(survey.Facts{}, []Result{
		named("a", Fail("it is down").Because(down)), named("b", Unread("b", down)), named("c", Unread("c", no)),
		named("d", Unread("d", down).With(Detail{Name: "x"})), named("e", Unread("e", no)), named("f", After("a")), named("g", Unsure("who knows")),
	})
	var causes []string
	for _, one := range r.Results {
		causes = append(causes, one.Cause)
	}
	assert.DeepEqual(t, causes, []string{"", "a", "", "", "c", "a", ""})
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
