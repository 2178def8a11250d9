package render

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
)

// Plan is a plan as a person reads it before it is carried out: each step,
// with the commands and the diff of each file.
func Plan(p remap.Plan, s Style) string {
	var b strings.Builder
	for n, step := range p.Steps {
		fmt.Fprintf(&b, "%s %s\n", s.strong(fmt.Sprintf("%2d.", n+1)), s.wrapped(escape.Line(step.Title), 4, 4))
		for _, line := range step.Shown {
			fmt.Fprintf(&b, "      %s\n", s.faint(escape.Line(line)))
		}
		for line := range strings.Lines(step.Diff) {
			fmt.Fprintf(&b, "      %s\n", s.diffLine(escape.Line(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    "))))
		}
	}
	return b.String()
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
