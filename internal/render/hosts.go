package render

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Hosts writes what was found on several hosts: a line for each, and with verbose what was
// found on each; or as JSON an object a line.
func Hosts(found []report.Report, verbose bool, format string) func(*streams.Out) error {
	return func(out *streams.Out) error {
		if format == formatter.JSONFormatKey {
			for _, r := range found {
				if err := escape.JSON(out, r); err != nil {
					return err
				}
			}
			return nil
		}
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
		fmt.Fprintln(w, "CONTEXT\tSTATUS\tERRORS\tWARNINGS\tUNKNOWN\tFOUND")
		for _, r := range found {
			counted := withoutPerson(r)
			if r.Error != "" {
				fmt.Fprintf(w, "%s\tfailed\t-\t-\t-\t%s\n", escape.Line(r.Context), escape.Line(escape.Head(strings.Join(strings.Fields(r.Error), " "), 200)))
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", escape.Line(r.Context), worstOf(counted), counted.Summary[report.Error], counted.Summary[report.Warning], counted.Summary[report.Unknown], firstFound(counted))
		}
		_ = w.Flush() // a Builder takes all
		if _, err := fmt.Fprint(out, b.String()); err != nil {
			return err
		}
		for _, r := range found {
			if verbose && r.Error == "" {
				fmt.Fprintln(out)
				if err := Results(out, r, "", true); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// withoutPerson leaves out the questions that only a person can answer, which would be unknown
// on every host.
func withoutPerson(r report.Report) report.Report {
	results, summary := []report.Result{}, map[report.Status]int{}
	for _, one := range r.Results {
		if one.Category != check.Person {
			results = append(results, one)
			summary[one.Status]++
		}
	}
	r.Results, r.Summary = results, summary
	return r
}

// worstOf is the worst status among the results.
func worstOf(r report.Report) report.Status {
	for _, s := range []report.Status{report.Error, report.Unknown, report.Warning} {
		if r.Summary[s] > 0 {
			return s
		}
	}
	return report.OK
}

// firstFound names the first results with the worst status.
func firstFound(r report.Report) string {
	const most = 3
	var ids []string
	worst := worstOf(r)
	for _, one := range r.Results {
		if one.Status == worst && worst != report.OK {
			ids = append(ids, escape.Line(one.ID))
		}
	}
	if more := len(ids) - most; more > 0 {
		ids = append(ids[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(ids, ", ")
}
