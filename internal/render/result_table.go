package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
)

// resultTable is what a person reads: by category, what is wrong in full and how much
// passed; at the end one block of commands. A result that another one explains is
// counted there.
type resultTable struct {
	b       strings.Builder
	style   Style
	verbose bool
	all     []report.Result
	behind  map[string]int // how many results each one explains, by its ID
}

func (t *resultTable) report(r report.Report) {
	fmt.Fprintf(&t.b, "Context %s, engine at %s, host: %s\n", t.style.strong(escape.Line(r.Context)), escape.Line(r.Endpoint), hostSeen[r.Host])
	t.all, t.behind = r.Results, map[string]int{}
	for _, one := range r.Results {
		if t.explained(one) {
			t.behind[one.Cause]++
		}
	}
	var done []string
	for _, one := range r.Results {
		if !slices.Contains(done, one.Category) {
			done = append(done, one.Category)
			t.category(one.Category)
		}
	}
	t.containers(r.Containers)
	t.fixes(r)
	fmt.Fprintf(&t.b, "\n%s\n", counts(r))
}

// explained reports whether a result is left to the one that is its cause.
func (t *resultTable) explained(r report.Result) bool {
	return r.Cause != "" && !t.verbose && slices.ContainsFunc(t.all, func(c report.Result) bool { return c.ID == r.Cause })
}

var hostSeen = map[string]string{
	"local": "this machine",
	"sudo":  "this machine, through sudo",
	"ssh":   "over ssh",
	"none":  "out of reach",
}

func (t *resultTable) category(name string) {
	passed, skipped := 0, 0
	var shown []report.Result
	for _, r := range t.all {
		switch {
		case r.Category != name || t.explained(r):
		case r.Status == report.OK && !t.verbose:
			passed++
		case r.Status == report.Skipped && !t.verbose:
			skipped++
		default:
			shown = append(shown, r)
		}
	}
	if len(shown)+passed+skipped == 0 {
		return
	}
	fmt.Fprintf(&t.b, "\n%s\n", t.style.strong(heading(name)))
	for _, r := range shown {
		t.result(r)
	}
	switch {
	case passed > 0 && skipped > 0:
		fmt.Fprintf(&t.b, "  %s %d passed, %d skipped\n", t.sign(report.OK), passed, skipped)
	case passed > 0:
		fmt.Fprintf(&t.b, "  %s %d passed\n", t.sign(report.OK), passed)
	case skipped > 0:
		fmt.Fprintf(&t.b, "  %s %d skipped\n", t.sign(report.Skipped), skipped)
	}
}

// heading is the name of a category as a heading. That of a file stays as it is.
func heading(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
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

// result writes one result. The title of a question is what is true if it passes, so
// of any other result only what was found is said.
func (t *resultTable) result(r report.Result) {
	text := escape.Line(r.Message)
	if r.Status == report.OK {
		text = r.Title + ": " + text
	}
	id := "(" + r.ID + ")"
	lines := t.style.wrapped(text+" "+id, 4, 4)
	fmt.Fprintf(&t.b, "  %s %s%s\n", t.sign(r.Status), strings.TrimSuffix(lines, id), t.style.faint(id))
	for _, d := range r.Details {
		fmt.Fprintf(&t.b, "      - %s\n", t.style.wrapped(escape.Line(d.Name)+note(d.Note), 8, 8))
	}
	if n := t.behind[r.ID]; n > 0 {
		fmt.Fprintf(&t.b, "      %s\n", t.style.wrapped(fmt.Sprintf("because of this, %d more could not be checked (--verbose lists them)", n), 6, 6))
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
	t.block("To fix, run on "+escape.Line(on)+":", r.Results, func(command string) bool { return !byDocker(command) })
	t.block("To fix, run here:", r.Results, byDocker)
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

// Command is a command that can be pasted: escaped, it would name another file.
func Command(command string) string {
	if !escape.Safe(command) {
		return "# names a file that cannot be shown here; --format json has the command"
	}
	return command
}

// counts says how many results have each status.
func counts(r report.Report) string {
	n := r.Summary
	return fmt.Sprintf("%d passed, %s, %s, %d skipped, %d unknown",
		n[report.OK], report.Count(n[report.Warning], "warning"), report.Count(n[report.Error], "error"), n[report.Skipped], n[report.Unknown])
}
