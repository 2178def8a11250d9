package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
	"github.com/docker/cli/templates"
)

// Results writes what a check or a verification found.
func Results(out *streams.Out, r report.Report, format string, verbose bool) error {
	switch format {
	case "", formatter.TableFormatKey:
		t := resultTable{style: StyleOf(out), verbose: verbose}
		t.report(r)
		_, err := io.WriteString(out, t.b.String())
		return err
	case formatter.JSONFormatKey:
		return escape.JSON(out, r)
	}
	return ResultTemplate(out, r, format)
}

func ResultTemplate(w io.Writer, r report.Report, format string) error {
	tmpl, err := templates.Parse(format)
	if err != nil {
		return fmt.Errorf("reading --format: %w", err)
	}
	for _, one := range r.Results {
		if err := tmpl.Execute(w, templateResult{escape.Values(one), one}); err != nil {
			return fmt.Errorf("writing %s with --format: %w", one.ID, err)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// templateResult is what a template sees of a result: text that can be printed,
// and for {{json .}} the values as they were found.
type templateResult struct {
	report.Result
	exact report.Result
}

// MarshalJSON is for {{json .}}.
func (t templateResult) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := escape.JSON(&b, t.exact)
	return b.Bytes(), err
}

// resultTable is what a person reads: by category, what is wrong in full and what
// passed in a line; at the end one block of commands.
type resultTable struct {
	b       strings.Builder
	style   Style
	verbose bool
}

func (t *resultTable) report(r report.Report) {
	fmt.Fprintf(&t.b, "Context %s, engine at %s, host seen: %s\n", t.style.strong(escape.Line(r.Context)), escape.Line(r.Endpoint), hostSeen[r.Host])
	var done []string
	for _, one := range r.Results {
		if !slices.Contains(done, one.Category) {
			done = append(done, one.Category)
			t.category(one.Category, r.Results)
		}
	}
	t.fixes(r)
	t.summary(r)
}

var hostSeen = map[string]string{
	"local": "this machine",
	"sudo":  "this machine, through sudo",
	"ssh":   "over ssh",
	"none":  "no",
}

func (t *resultTable) category(name string, all []report.Result) {
	passed, skipped := 0, 0
	reason, alike := alikeIn(name, all)
	fmt.Fprintf(&t.b, "\n%s\n", t.style.strong(strings.ToUpper(name[:1])+name[1:]))
	for _, r := range all {
		switch {
		case r.Category != name:
		case r.Status == report.OK && !t.verbose && len(r.Details) == 0:
			passed++
		case r.Status == report.Skipped && !t.verbose:
			skipped++
		case alike > 1 && r.Status == report.Unknown && r.Message == reason && len(r.Details) == 0 && !t.verbose:
		default:
			t.result(r)
		}
	}
	if passed > 0 {
		fmt.Fprintf(&t.b, "  %s %s passed\n", t.sign(report.OK), report.Count(passed, "check"))
	}
	if alike > 1 && !t.verbose {
		fmt.Fprintf(&t.b, "  %s %s: %s\n", t.sign(report.Unknown), report.Count(alike, "check"), escape.Line(reason))
	}
	if skipped > 0 {
		fmt.Fprintf(&t.b, "  %s %s skipped\n", t.sign(report.Skipped), report.Count(skipped, "check"))
	}
}

// alikeIn gives what most checks of a category say that could not tell, and how
// many say it: one cause is worth one line.
func alikeIn(category string, all []report.Result) (reason string, most int) {
	seen := map[string]int{}
	for _, r := range all {
		if r.Category != category || r.Status != report.Unknown || len(r.Details) > 0 {
			continue
		}
		if seen[r.Message]++; seen[r.Message] > most {
			reason, most = r.Message, seen[r.Message]
		}
	}
	return reason, most
}

func (t *resultTable) sign(s report.Status) string {
	switch s {
	case report.OK:
		return t.style.good(t.style.mark("✓", "+"))
	case report.Warning:
		return t.style.warn("!")
	case report.Error:
		return t.style.bad(t.style.mark("✗", "x"))
	case report.Unknown:
		return t.style.warn("?")
	}
	return t.style.faint("-")
}

func (t *resultTable) result(r report.Result) {
	fmt.Fprintf(&t.b, "  %s %s %s\n", t.sign(r.Status), r.Title, t.style.faint("("+r.ID+")"))
	if r.Message != "" {
		fmt.Fprintf(&t.b, "      %s\n", escape.Line(r.Message))
	}
	for _, d := range r.Details {
		fmt.Fprintf(&t.b, "      - %s%s\n", escape.Line(d.Name), note(d.Note))
	}
}

func note(s string) string {
	if s == "" {
		return ""
	}
	return ": " + escape.Line(s)
}

// fixes are all commands together, so that they can be pasted in one go: those for
// the engine's host, and those of docker, which go to it from here.
func (t *resultTable) fixes(r report.Report) {
	on := report.On(r.Endpoint, r.Host)
	byDocker := func(command string) bool {
		return r.Host != host.KindLocal && r.Host != host.KindSudo && strings.HasPrefix(command, "docker ")
	}
	t.block("To fix what can be fixed, on "+escape.Line(on)+":", r.Results, func(command string) bool { return !byDocker(command) })
	t.block("To fix what can be fixed from here:", r.Results, byDocker)
}

// block writes those commands that belong under a heading.
func (t *resultTable) block(heading string, results []report.Result, belongs func(command string) bool) {
	begun := false
	for _, r := range results {
		commands := slices.DeleteFunc(slices.Clone(r.Fix), func(c string) bool { return !belongs(c) })
		if len(commands) == 0 || r.Status == report.OK || r.Status == report.Skipped {
			continue
		}
		if !begun {
			fmt.Fprintf(&t.b, "\n%s\n", t.style.strong(heading))
			begun = true
		}
		fmt.Fprintf(&t.b, "\n    %s\n", t.style.faint("# "+r.ID))
		for _, command := range commands {
			fmt.Fprintf(&t.b, "    %s\n", Command(command))
		}
	}
}

// Command is a command that can be pasted: escaped, it would name another
// file.
func Command(command string) string {
	if !escape.Safe(command) {
		return "# names a file that cannot be shown here; --format json has the command"
	}
	return command
}

func (t *resultTable) summary(r report.Report) { fmt.Fprintf(&t.b, "\n%s\n", counts(r)) }

// counts says how many results have each status.
func counts(r report.Report) string {
	var parts []string
	for _, s := range report.Statuses {
		parts = append(parts, fmt.Sprintf("%d %s", r.Summary[s], s))
	}
	return strings.Join(parts, ", ")
}

// Change says in a line that a result became another one, with the time at which that
// was seen. was is its status before, "" if it had none.
func Change(out *streams.Out, at string, was report.Status, r report.Result) {
	if was == "" {
		was = "new"
	}
	t := resultTable{style: StyleOf(out)}
	fmt.Fprintf(out, "%s %s %s: %s, was %s: %s\n", at, t.sign(r.Status), r.ID, r.Status, was, escape.Line(r.Message))
	for _, d := range r.Details {
		fmt.Fprintf(out, "    - %s%s\n", escape.Line(d.Name), note(d.Note))
	}
}

// List writes what can be asked, a line each.
func List(w io.Writer, heading string, each func(line func(id, category, title string))) error {
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintf(tw, "%s\tCATEGORY\tWHAT IS TRUE WHEN IT PASSES\n", heading)
	each(func(id, category, title string) { fmt.Fprintf(tw, "%s\t%s\t%s\n", id, category, title) })
	return tw.Flush()
}
