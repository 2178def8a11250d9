package render

import (
	"slices"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func reportOf(results ...report.Result) report.Report {
	return report.New(survey.Facts{Context: "db1", Endpoint: "ssh://root@db1", HostKind: "ssh"}, results)
}

func resultOf(id string, r report.Result) report.Result {
	r.ID, r.Category, r.Title = id, "processes", "It is so"
	return r
}

// A box is ticked by what was proven, all of it, and by nothing else; nothing of
// a host is Markdown.
func TestVerifyMarkdown(t *testing.T) {
	r := reportOf(
		resultOf("daemon-answers", report.Pass("Docker 28.5.2 at ssh://root@db1")),
		resultOf("daemon-remapped", report.Pass("yes")),
		resultOf("data-root", report.Pass("/var/lib/docker/100000.100000")),
		resultOf("data-root-owner", report.Pass("0710")),
		resultOf("map-in-force", report.Unsure("it is unknown")),
		resultOf("host-root", report.Pass("none of 3 processes of 1 container")),
		resultOf("processes", report.Fail("1 process has IDs that the map does not give").
			With(report.Detail{Name: "web: process 7 (a|b*c`d\x1b[2J)", Note: "UID 5 <img src=x> [x](http://x) not in the map"})),
		resultOf("userns-host", report.Pass("none")),
		resultOf("mounts", report.Pass("all of 2 mounts").With(report.Detail{Name: "not shown"})),
		resultOf("sockets", report.Skip("none")),
		resultOf("app-health", report.Pass("all 1")),
	)
	golden.Assert(t, Markdown(r, verify.All(), time.Unix(1790000000, 0)), "verify.md.golden")
}

// Questions of one item are one point, which is open unless all of them are proven, and
// any other question is a point of its own.
func TestChecklist(t *testing.T) {
	questions := []report.Question{
		{ID: "a", Title: "A is so", Item: "A and C"},
		{ID: "b", Title: "B is so", Flag: "--b"},
		{ID: "c", Title: "C is so", Item: "A and C"},
	}
	var got []string
	for _, p := range checklist(questions) {
		mark, why := p.tick(reportOf(resultOf("a", report.Pass("")), resultOf("c", report.Fail(""))))
		got = append(got, mark+p.text+why)
	}
	assert.DeepEqual(t, got, []string{" A and C (`c`: error)", " B is so (not checked; ask for it with --b)"})
}

// Every question is in the checklist once, so that no box is ticked in spite of its answer.
func TestChecklistHasEveryQuestion(t *testing.T) {
	var listed []string
	for _, p := range checklist(verify.All()) {
		listed = append(listed, p.ids...)
	}
	var asked []string
	for _, q := range verify.All() {
		asked = append(asked, q.ID)
	}
	slices.Sort(listed)
	slices.Sort(asked)
	assert.DeepEqual(t, listed, slices.Compact(asked))
}
