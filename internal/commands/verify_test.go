package commands

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/cli/cli/streams"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func reportOf(results ...report.Result) report.Report {
	return report.New(survey.Facts{Context: "db1", Endpoint: "ssh://root@db1", HostKind: "ssh"}, results)
}

func resultOf(id string, r report.Result) report.Result {
	r.ID, r.Category, r.Title = id, "processes", "It is so"
	return r
}

// looks gives one answer after the other, then ends the context.
func looks(cancel func(), answers ...any) func(context.Context) (report.Report, error) {
	return func(ctx context.Context) (report.Report, error) {
		if len(answers) == 0 {
			cancel()
			return report.Report{}, ctx.Err()
		}
		next := answers[0]
		answers = answers[1:]
		if err, ok := next.(error); ok {
			return report.Report{}, err
		}
		return next.(report.Report), nil
	}
}

func watched(t *testing.T, opts verifyOptions, answers ...any) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	w := &watch{look: looks(cancel, answers...), opts: opts, out: streams.NewOut(&out), err: streams.NewOut(&errs), pause: time.Nanosecond}
	err = w.run(ctx)
	stamps := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	return stamps.ReplaceAllString(out.String(), "TIME"), stamps.ReplaceAllString(errs.String(), "TIME"), err
}

func TestWatch(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	fine := func(n string) report.Report {
		return reportOf(resultOf("daemon-answers", report.Pass("up")), resultOf("processes", report.Pass("%s processes", n)))
	}
	bad := func(n string) report.Report {
		return reportOf(resultOf("daemon-answers", report.Pass("up")), resultOf("processes", report.Fail("%s wrong", n).With(report.Detail{Name: "web", Note: n})))
	}
	out, _, err := watched(t, verifyOptions{}, fine("1"), fine("2"))
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(out, "TIME"), out)

	out, errs, err := watched(t, verifyOptions{}, fine("1"), bad("1"), bad("1"), bad("2"), errors.New("no luck"), fine("3"))
	assert.ErrorIs(t, err, errReported)
	_, changes, _ := strings.Cut(out, "unknown\n")
	assert.Equal(t, changes, "TIME x processes: error, was ok: 1 wrong\n    - web: 1\n"+
		"TIME x processes: error, was error: 2 wrong\n    - web: 2\nTIME + processes: ok, was error: 3 processes\n")
	assert.Equal(t, errs, "TIME no luck\n")

	_, _, err = watched(t, verifyOptions{}, fine("1"), bad("1"), fine("1"))
	assert.ErrorIs(t, err, errFound)
	_, _, err = watched(t, verifyOptions{}, errors.New("no such container"))
	assert.ErrorContains(t, err, "no such container")
	out, _, _ = watched(t, verifyOptions{outputOptions: outputOptions{format: "json"}}, fine("1"), fine("1"), bad("1"))
	assert.Equal(t, strings.Count(out, "\n"), 2, out)
	out, _, _ = watched(t, verifyOptions{outputOptions: outputOptions{format: "{{.ID}}={{.Status}}"}}, fine("1"), bad("1"))
	assert.Equal(t, out, "daemon-answers=ok\nprocesses=ok\nprocesses=error\n")

	// A file always has all of the newest report.
	file := filepath.Join(t.TempDir(), "userns.prom")
	out, _, _ = watched(t, verifyOptions{outputOptions: outputOptions{format: render.FormatPrometheus, file: file}}, fine("1"), bad("1"))
	assert.Equal(t, out, "")
	text, err := os.ReadFile(file)
	assert.NilError(t, err)
	assert.Assert(t, is.Contains(string(text), `id="daemon-answers",status="ok"} 1.0`))
	assert.Assert(t, is.Contains(string(text), `id="processes",status="error"} 1.0`))
	assert.Assert(t, !strings.Contains(string(text), `id="processes",status="ok"`))
}

func TestVerifyVerdict(t *testing.T) {
	up := resultOf("daemon-answers", report.Pass("up"))
	for _, tc := range []struct {
		results []report.Result
		strict  bool
		want    error
	}{
		{[]report.Result{up}, true, nil},
		{[]report.Result{up, resultOf("x", report.Warn("w")), resultOf("y", report.Unsure("u"))}, false, nil},
		{[]report.Result{up, resultOf("x", report.Warn("w"))}, true, errFound},
		{[]report.Result{up, resultOf("x", report.Unsure("w"))}, true, errFound},
		{[]report.Result{up, resultOf("x", report.Fail("e"))}, false, errFound},
		{[]report.Result{resultOf("daemon-answers", report.Fail("down"))}, false, errReported},
	} {
		assert.Equal(t, verifyOptions{strict: tc.strict}.verdict(reportOf(tc.results...)), tc.want)
	}
}

func TestVerifyFlags(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "p.yaml")
	assert.NilError(t, os.WriteFile(profile, []byte("version: 1\nhealth:\n- url: http://a/\n"), 0o600))
	o := verifyOptions{profile: profile, healthURL: "http://b/", healthExpr: ".ok", starts: 3, p95: time.Second}
	assert.NilError(t, o.complete())
	assert.Check(t, is.Len(o.Profile.Health, 2))
	assert.Check(t, is.Equal(o.Profile.Starts.Count, 3))
	for want, o := range map[string]verifyOptions{
		"needs --health-url": {healthExpr: ".ok"},
		"need --starts":      {baseline: "x"},
		"not 1 to":           {starts: 1 << 20},
		"negative":           {watch: -1},
		"mutually exclusive": {watch: 1, outputOptions: outputOptions{format: formatMarkdown}},
		"needs --output":     {watch: 1, outputOptions: outputOptions{format: render.FormatPrometheus}},
		"no-such-file":       {profile: "no-such-file"},
	} {
		assert.Check(t, is.ErrorContains(o.complete(), want))
	}
}

// The profile that the help shows is one.
func TestProfileExample(t *testing.T) {
	_, err := apps.ParseProfile([]byte(profileExample))
	assert.NilError(t, err)
}
