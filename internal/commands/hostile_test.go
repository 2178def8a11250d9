package commands

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/escape/escapetest"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/streams"
	"gotest.tools/v3/assert"
)

// eachHostile runs a test with a text that tries to obey and forge, and one that
// is too long besides.
func eachHostile(t *testing.T, test func(t *testing.T, text string)) {
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Run("short", func(t *testing.T) { test(t, escapetest.Hostile) })
	t.Run("long", func(t *testing.T) { test(t, escapetest.Long) })
}

// hostileReport has a text in every field that a check or a question may fill.
func hostileReport(text string) report.Report {
	var r report.Report
	escapetest.Fill(&r, text)
	r.Host = "ssh"
	r.Results = nil
	for i, status := range report.Statuses {
		var one report.Result
		escapetest.Fill(&one, text)
		one.ID, one.Category, one.Title, one.Status = fmt.Sprintf("id-%d", i), "mounts", "It is so", status
		r.Results = append(r.Results, one)
	}
	return r
}

// fitsLines holds that no value is shown at full length if it is too long.
func fitsLines(t *testing.T, what, text string) {
	t.Helper()
	escapetest.Harmless(t, what, text)
	for line := range strings.Lines(text) {
		assert.Check(t, len(line) < 12*escape.MaxLine, "%s: a line of %d bytes", what, len(line)) // escapes are longer than what they stand for
	}
}

func TestHostileTextInResults(t *testing.T) {
	eachHostile(t, func(t *testing.T, text string) {
		r := hostileReport(text)
		show := func(format string) string {
			var b bytes.Buffer
			assert.NilError(t, render.Results(streams.NewOut(&b), r, format, true))
			return b.String()
		}
		fitsLines(t, "table", show(""))
		fitsLines(t, "markdown", render.Markdown(r, verify.All(), time.Unix(0, 0)))
		fitsLines(t, "template", show("{{.Message}} {{.Fix}} {{range .Details}}{{.Name}}: {{.Note}}{{end}}"))
		escapetest.Harmless(t, "json", show("json"))
		escapetest.Harmless(t, "json of a template", show("{{json .}}"))

		var out, errs bytes.Buffer
		w := &watch{out: streams.NewOut(&out), err: streams.NewOut(&errs), seen: map[string]report.Result{}}
		assert.NilError(t, w.report(r))
		fitsLines(t, "watch", out.String())
		fitsLines(t, "reasons", escape.Error(vitalFailure("db1", r.Results, "id-2", "id-4")))
	})
}

// A value in JSON is what was found, in a template's JSON too.
func TestHostileTextKeepsItsValueInJSON(t *testing.T) {
	r := hostileReport(escapetest.Long)
	for _, format := range []string{"json", "{{json .Message}}", "{{json .}}"} {
		var b bytes.Buffer
		assert.NilError(t, render.Results(streams.NewOut(&b), r, format, true))
		exact, err := jsonOf(escapetest.Long)
		assert.NilError(t, err)
		if format == "{{json .Message}}" {
			exact, err = jsonOf(escape.Line(escapetest.Long)) // a field of a template is text for a terminal
			assert.NilError(t, err)
		}
		assert.Assert(t, strings.Contains(b.String(), strings.Trim(exact, "\"\n")), format)
	}
}

func jsonOf(s string) (string, error) {
	var b strings.Builder
	err := escape.JSON(&b, s)
	return b.String(), err
}

func hostileAudit(text string) audit.Report {
	var r audit.Report
	escapetest.Fill(&r, text)
	r.Verdict = audit.Unmappable
	r.IDMap = idmap.Single(100000, 65536)
	r.Findings = nil
	for i, rule := range []audit.Rule{audit.UnmappedOwner, audit.RootAlias, audit.UnmappedUser, audit.RefusedLayer, audit.UnmappedAccount, audit.Owner} {
		var f audit.Finding
		escapetest.Fill(&f, text)
		f.Rule, f.Severity, f.Layer, f.UID, f.Cause = rule, audit.Error, i%3-1, 70000, audit.CauseNPM
		f.Ignored = "" // what is ignored is not shown
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestHostileTextInAudit(t *testing.T) {
	eachHostile(t, func(t *testing.T, text string) {
		dockerfile, err := audit.ParseDockerfile(text, strings.NewReader("FROM scratch\n"))
		assert.NilError(t, err)
		show := func(format string) string {
			var b bytes.Buffer
			w, err := render.NewAuditWriter(streams.NewOut(&b), render.AuditOptions{Format: format, Map: idmap.Single(100000, 65536)})
			assert.NilError(t, err)
			r := hostileAudit(text)
			r.Dockerfile = dockerfile
			assert.NilError(t, w.Add(r))
			assert.NilError(t, w.End(0))
			return b.String()
		}
		fitsLines(t, "table", show(""))
		fitsLines(t, "template", show("{{.Image}}\n{{.ID}}\n{{.Source}}\n{{.Platform}}\n{{range .Layers}}{{.}}\n{{end}}{{range .Findings}}{{.Message}}\n{{.Fix}}\n{{.Paths}}\n{{end}}"))
		fitsLines(t, "annotations", show(render.FormatGitHub))
		fitsLines(t, "table template", show("table {{.Image}}\t{{.Platform}}"))
		for _, format := range []string{"json", "sarif", "{{json .}}"} {
			escapetest.Harmless(t, format, show(format))
		}
		assert.Assert(t, !strings.Contains(show("sarif"), "]("), "a link")
	})
}

func hostilePlan(text string) remap.Plan {
	var p remap.Plan
	escapetest.Fill(&p, text)
	p.ID = "20261122T224159Z"
	for i := range p.Steps {
		p.Steps[i].Diff = "--- a\n+++ a\n+" + strings.ReplaceAll(text, "\n", "\n+") + "\n"
	}
	return p
}

// What enable and disable tell, before, during and after, whatever the host and
// its engine are called and say.
func TestHostileTextInChanges(t *testing.T) {
	eachHostile(t, func(t *testing.T, text string) {
		var out, errs bytes.Buffer
		cli, err := command.NewDockerCli(command.WithOutputStream(&out), command.WithErrorStream(&errs))
		assert.NilError(t, err)
		p := hostilePlan(text)
		to := &telling{cli: cli, out: cli.Out()}
		c := &change{target: &target{engine: &engine{words: []string{"docker", "--context", text}, host: host.None{}}}, telling: to, plan: p}
		told := func(what string, tell func()) {
			out.Reset()
			errs.Reset()
			tell()
			fitsLines(t, what, out.String()+errs.String())
		}
		told("plan", func() { out.WriteString(render.Plan(p, render.Style{})) })
		told("all that enable shows", func() {
			out.WriteString(render.EnablePlan(survey.Facts{}, p, remap.Sides{Unread: errors.New(text)}, render.Style{}))
		})
		told("all that enable shows without a copy", func() {
			without := p
			without.Carry = nil
			out.WriteString(render.EnablePlan(survey.Facts{}, without, remap.Sides{}, render.Style{}))
		})
		told("copying", func() {
			var s carry.State
			var r carry.Result
			escapetest.Fill(&s, text)
			escapetest.Fill(&r, text)
			s.Passes = 0
			c.tell(render.Copying(p.Carry, s, time.Minute) + "\n" + c.text().Carried(r, carry.Compared{}, s))
		})
		told("rolled back", func() { out.WriteString(c.text().RolledBack(errors.New(text)) + c.text().Except(errors.New(text))) })
		told("steps", func() {
			c.tell(c.text().Step(1, p.Steps[0]) + c.text().NotStarted(remap.Object{Name: text}, errors.New(text)))
			c.tell(c.text().Undoing(errors.New(text)) + c.text().Refused(errors.New(text)) + c.text().Partly(errors.New(text)))
		})
		told("refused", func() { _ = to.refuse(errors.New(text)) })
		told("refused for several reasons", func() {
			_ = to.refuse(errors.Join(errors.New(text), fmt.Errorf("%w: %w", errOutOfReach, errors.New(text))))
		})
		told("left behind", func() {
			var l render.Leaving
			escapetest.Fill(&l.Facts, text)
			l.Plan = p
			escapetest.Fill(&l.Sides, text)
			l.Unseen, l.Sides.Unread, l.Plan.Before.Remapped = errors.New(text), errors.New(text), true
			out.WriteString(l.Text(render.Style{}))
		})
		escapetest.Harmless(t, "JSON of a change", objects(t, p, text))
		c.plan.Restart = ""
		told("enabled", func() { c.tell(c.text().Enabled(text)) })
		told("disabled", func() { c.tell(c.text().Disabled()) })

		c.plan.Restart, c.plan.Carry = text, nil // names of what was carried are shown, and are no commands
		out.Reset()
		out.WriteString(c.text().Enabled(text) + c.text().Disabled() + c.text().Recover(errors.New("no")))
		assert.Check(t, !strings.Contains(out.String(), "FORGED"), "a command that would not do what it says: %q", out.String())
	})
}

// objects are all that is printed of a change with --format json, each on a line.
func objects(t *testing.T, p remap.Plan, text string) string {
	t.Helper()
	var b strings.Builder
	o := render.NewObjects(&b)
	var f survey.Facts
	var sides remap.Sides
	var state carry.State
	var result carry.Result
	var ended render.ResultObject
	var past []remap.Past
	for _, v := range []any{&f, &sides, &state, &result, &ended, &past} {
		escapetest.Fill(v, text)
	}
	p.Trees = append(p.Trees, remap.Tree{Path: text})
	o.Plan(f, p, sides, hostileReport(text).Results, []string{text})
	o.Begun(1, p.Steps[0])
	o.Done(1, p.Steps[0], time.Second)
	o.Copying(state)
	o.Carried(result, carry.Compared{})
	o.Accepted(report.Result{ID: text, Message: text})
	o.NotStarted(remap.Object{Name: text}, errors.New(text))
	o.Undoing(errors.New(text))
	o.Past(past[:1])
	o.Result(ended)
	assert.NilError(t, o.Err())
	assert.Equal(t, strings.Count(b.String(), "\n"), 10)
	return b.String()
}

func TestHostileTextInErrors(t *testing.T) {
	eachHostile(t, func(t *testing.T, text string) {
		for what, err := range map[string]error{
			"engine":    errors.New(text),
			"wrapped":   fmt.Errorf("loading the image: %w", errors.New(text)),
			"joined":    errors.Join(errors.New(text), errors.New(text)),
			"argument":  noVerb(nil, []string{text}),
			"image":     func() error { _, err := auditOptions{images: []string{text + ":"}}.parseImages(nil); return err }(),
			"platform":  validPlatform(text),
			"format":    validFormat(text),
			"range":     func() error { _, err := parseRange(text); return err }(),
			"ID map":    func() error { _, _, err := mapFromFlags([]string{text}, 0); return err }(),
			"not found": func() error { _, err := openDockerfile("/nonexistent/" + text); return err }(),
		} {
			if err == nil {
				continue
			}
			var b bytes.Buffer
			exit(&b, err)
			fitsLines(t, what, b.String())
		}
		var b bytes.Buffer
		render.NewProgress(streams.NewOut(&b)).Say(failure(text, errors.New(text)))
		fitsLines(t, "one of several images", b.String())
	})
}
