package render

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// twinsText points out the volumes that both data roots have; with is "With" or
// "Without", and next the data root that containers use then.
func twinsText(s remap.Sides, with, next string) string {
	var b strings.Builder
	if s.Unread != nil {
		fmt.Fprintf(&b, "Could not determine which volumes %s has: %s\n\n", next, escape.Line(report.Why(s.Unread)))
	}
	if len(s.Volumes) > 0 {
		fmt.Fprintf(&b, "These volumes exist in both data roots, each with its own data. %s remap, containers use the data in %s:\n", with, next)
		for _, t := range s.Volumes {
			fmt.Fprintf(&b, "  - %s: %s\n", escape.Line(t.Name), newerText(t))
		}
		b.WriteString("\n")
	}
	return b.String()
}

const lastWritten = "2006-01-02 15:04:05 UTC"

// newerText is which of two volumes of one name was written last.
func newerText(t remap.Twin) string {
	order, known := t.Newer()
	switch {
	case !known:
		return "could not determine in time which one is newer; compare " + escape.Line(t.CurrentPath) + " with " + escape.Line(t.NextPath)
	case t.Current.Empty && t.Next.Empty:
		return "both are empty"
	case order > 0 && t.Next.Empty:
		return "the one that stays behind has data, last written " + t.Current.At.Format(lastWritten) + "; the other one is EMPTY"
	case order > 0:
		return fmt.Sprintf("the one that stays behind is NEWER, last written %s; containers go back to data of %s", t.Current.At.Format(lastWritten), t.Next.At.Format(lastWritten))
	case t.Current.Empty:
		return "the one that stays behind is empty"
	case order == 0:
		return "both were last written at " + t.Next.At.Format(lastWritten)
	}
	return fmt.Sprintf("the one that stays behind is older, last written %s; the other one %s", t.Current.At.Format(lastWritten), t.Next.At.Format(lastWritten))
}
