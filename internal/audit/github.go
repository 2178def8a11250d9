package audit

import (
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
)

// GitHub writes findings as annotations, which a GitHub workflow makes of lines of its
// log ("Workflow commands for GitHub Actions"). Each points to the line of the
// Dockerfile, if that is known.
func GitHub(w io.Writer, reports []Report) error {
	var b strings.Builder
	for _, r := range reports {
		lines := r.Lines()
		for _, f := range r.Findings {
			annotate(&b, r, f, lines)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// levels are those of annotations.
var levels = map[Severity]string{Error: "error", Warning: "warning", Note: "notice"}

func annotate(b *strings.Builder, r Report, f Finding, lines []Lines) {
	properties := []string{"title=" + property(string(f.Rule))}
	if d := r.Dockerfile; d != nil {
		properties = append(properties, "file="+property(escape.Line(d.Name)))
		if at := f.lines(lines); at.Start > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", at.Start), fmt.Sprintf("endLine=%d", at.End))
		}
	}
	text := message(r, f, Folder{Path: f.Common, Count: f.Count})
	fmt.Fprintf(b, "::%s %s::%s\n", levels[f.Severity], strings.Join(properties, ","), data(text))
}

// data and property escape what may not be in an annotation (actions/toolkit,
// command.ts).
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
