package render

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
)

// Changes lists the changes of a host, in the order that they are given in. One without a
// verdict was given up before it touched anything, or is under way.
func Changes(past []remap.Past) string {
	if len(past) == 0 {
		return "No changes were made on this host.\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "CHANGE\tCOMMAND\tRESULT\tDATA ROOT BEFORE\tDATA ROOT AFTER")
	for _, p := range past {
		verdict := cmp.Or(p.Verdict, "not decided")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", escape.Line(p.ID), escape.Line(string(p.Verb)), escape.Line(string(verdict)),
			escape.Line(p.Before.DataRoot), escape.Line(p.After.DataRoot))
	}
	_ = w.Flush() // a Builder takes all
	return b.String()
}
