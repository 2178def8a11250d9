package render

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"gotest.tools/v3/assert"
)

// objects is what is printed as JSON of some steps of a change that goes well, and how that
// ends.
func objects(t *testing.T, p remap.Plan) string {
	t.Helper()
	var b strings.Builder
	o := NewObjects(&b)
	b.WriteString("...\n") // the plan is long
	o.Begun(1, p.Steps[0])
	o.Done(1, p.Steps[0], 210*time.Millisecond)
	o.Begun(2, p.Steps[1])
	b.WriteString("...\n")
	o.Result(ResultObject{Outcome: Outcome(remap.Made), Change: p.ID, Folder: p.Dir()})
	assert.NilError(t, o.Err())
	return b.String()
}

// allObjects are all that are printed of changes, one of each kind at least. The tests of the
// schema hold them to that.
func allObjects(t *testing.T, f survey.Facts, p remap.Plan) string {
	t.Helper()
	p.Carry = carryOf(t, f, p)
	var b strings.Builder
	o := NewObjects(&b)
	o.Plan(f, p, remap.Sides{Volumes: []remap.Twin{{Name: "a"}}, Mounts: []remap.Written{{Path: "/a"}, {Path: "/b", Known: true}}}, checked(f).Results, nil)
	o.Plan(survey.Facts{}, remap.Plan{Verb: remap.Disable, Trees: []remap.Tree{{Path: "/a"}}}, remap.Sides{}, nil, []string{"a"})
	o.Begun(1, p.Steps[0])
	o.Copying(carry.State{})
	o.Carried(carry.Result{}, carry.Compared{})
	o.Accepted(report.Result{ID: "a"})
	o.NotStarted(remap.Object{Name: "a"}, errors.New("no"))
	o.Undoing(errors.New("no"))
	o.Result(ResultObject{Outcome: Outcome(remap.Uncertain), ExitCode: 3, Why: "no", Change: p.ID, Folder: p.Dir(), Recovery: []string{"a"}})
	o.Past([]remap.Past{{Verdict: remap.Kept, Manifest: remap.Manifest{Verb: remap.Enable}}, {Manifest: remap.Manifest{Verb: remap.Disable}}})
	assert.NilError(t, o.Err())
	return b.String()
}
