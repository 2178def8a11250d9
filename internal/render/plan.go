package render

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Plan is a plan as a person reads it before it is carried out: each step,
// with the commands and the diff of each file.
func Plan(p remap.Plan, s Style) string {
	var b strings.Builder
	for n, step := range p.Steps {
		fmt.Fprintf(&b, "%s %s\n", s.strong(fmt.Sprintf("%2d.", n+1)), escape.Line(step.Title))
		for _, line := range shown(step) {
			fmt.Fprintf(&b, "      %s\n", s.faint(escape.Line(line)))
		}
		for line := range strings.Lines(step.Diff) {
			fmt.Fprintf(&b, "      %s\n", s.diffLine(escape.Line(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    "))))
		}
	}
	return b.String()
}

// shown are the commands of a step that a person would type. Those of the
// change's own script say nothing that its title does not say.
func shown(step remap.Step) []string {
	var lines []string
	for _, a := range step.Acts {
		switch {
		case a.Run == nil || step.Name == remap.StepArm || step.Name == remap.StepKeep || step.Diff != "" && step.Name == remap.StepConfig:
		case a.Run.Args[0] == "sh":
		default:
			lines = append(lines, report.Command(a.Run.Args...))
		}
	}
	return lines
}

func (s Style) diffLine(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return s.good(line)
	case strings.HasPrefix(line, "-"):
		return s.bad(line)
	}
	return s.faint(line)
}
