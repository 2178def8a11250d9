package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
)

// item is a point of the checklist that an operator ticks after the change. The
// results of its questions are the evidence.
type item struct {
	text string
	flag string // to get what was not asked for
	ids  []string
}

// checklist gives the points that questions belong to, in the order of the questions.
func checklist(questions []report.Question) []item {
	var items []item
	for _, q := range questions {
		text := cmp.Or(q.Item, q.Title)
		i := slices.IndexFunc(items, func(p item) bool { return p.text == text })
		if i < 0 {
			items, i = append(items, item{text: text, flag: q.Flag}), len(items)
		}
		items[i].ids = append(items[i].ids, q.ID)
	}
	return items
}

// Markdown writes a report that can be pasted into a ticket: a checklist
// that is ticked by what was proven and by nothing else, all answers, and the
// things that are wrong by their names. The checklist is made of all the questions that
// could be asked.
func Markdown(r report.Report, questions []report.Question, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Verification of userns-remap\n\nContext %s, engine at %s, host seen: %s, %s.\n\n## Checklist\n\n",
		escape.Markdown(r.Context), escape.Markdown(r.Endpoint), hostSeen[r.Host], at.UTC().Format("2006-01-02 15:04:05 UTC"))
	for _, item := range checklist(questions) {
		tick, why := item.tick(r)
		fmt.Fprintf(&b, "- [%s] %s%s\n", tick, item.text, why)
	}
	b.WriteString("\n## Answers\n\n| question | status | what was found |\n| --- | --- | --- |\n")
	for _, one := range r.Results {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", one.ID, one.Status, escape.Markdown(one.Message))
	}
	for _, one := range r.Results {
		if len(one.Details) == 0 || one.Status == report.OK || one.Status == report.Skipped {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", one.ID)
		for _, d := range one.Details {
			fmt.Fprintf(&b, "- %s%s\n", escape.Markdown(d.Name), prefixed(": ", escape.Markdown(d.Note)))
		}
	}
	markdownContainers(&b, r.Containers)
	fmt.Fprintf(&b, "\n%s\n", counts(r))
	return b.String()
}

// tick is the mark in the box: an x if all of the questions were answered and proven,
// otherwise a blank, and why.
func (p item) tick(r report.Report) (mark, why string) {
	var open []string
	seen := 0
	for _, one := range r.Results {
		if !slices.Contains(p.ids, one.ID) {
			continue
		}
		seen++
		if one.Status != report.OK {
			open = append(open, fmt.Sprintf("`%s`: %s", one.ID, one.Status))
		}
	}
	switch {
	case seen == 0:
		return " ", " (not checked" + prefixed("; ask for it with ", p.flag) + ")"
	case len(open) > 0:
		return " ", " (" + strings.Join(open, ", ") + ")"
	}
	return "x", ""
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
