package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
)

// checklist is what an operator ticks after the change, with the questions whose
// answers are the evidence.
var checklist = []struct {
	text string
	ids  []string
	how  string // to get what was not asked for
}{
	{"The daemon answers and remaps, in a data root of its own", []string{"daemon-answers", "daemon-remapped", "data-root", "data-root-owner"}, ""},
	{"The map that the kernel has is the one of /etc/subuid and /etc/subgid", []string{"map-in-force"}, ""},
	{"Every process of every container is where the map says, and none is root on the host", []string{"left-processes", "host-root", "processes", "userns-host"}, ""},
	{"Containers stay up, and are healthy by their own health checks", []string{"containers-up"}, ""},
	{"A container sees its own UID, and the host sees that process as the mapped one", []string{"probe-map", "probe-root", "probe-user"}, "--probe"},
	{"Files that a container writes belong to the mapped user", []string{"probe-volume", "probe-bind", "probe-removed"}, "--probe"},
	{"Files and directories that containers mount are within reach of the mapped user", []string{"mounts"}, ""},
	{"Sockets that containers mount are within reach of the mapped user", []string{"sockets"}, ""},
	{"Sockets that containers mount take connections from inside", []string{"sockets-connect"}, "--connect"},
	{"What was here before remap is here again, or is accepted as missing", []string{"carried-containers", "carried-volumes", "carried-networks", "carried-images"}, ""},
	{"The applications say that they are healthy", []string{"app-health"}, "--health-url or --profile"},
	{"Commands work in containers", []string{"app-commands"}, "--profile"},
	{"Sockets answer", []string{"app-sockets"}, "--profile"},
	{"Containers start fast enough", []string{"app-starts"}, "--starts or --profile"},
}

// Markdown writes a report that can be pasted into a ticket: a checklist
// that is ticked by what was proven and by nothing else, all answers, and the
// things that are wrong by their names.
func Markdown(r report.Report, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Verification of userns-remap\n\nContext %s, engine at %s, host seen: %s, %s.\n\n## Checklist\n\n",
		escape.Markdown(r.Context), escape.Markdown(r.Endpoint), hostSeen[r.Host], at.UTC().Format("2006-01-02 15:04:05 UTC"))
	for _, item := range checklist {
		tick, why := ticked(r, item.ids, item.how)
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
	fmt.Fprintf(&b, "\n%s\n", counts(r))
	return b.String()
}

// ticked says whether all of the questions were answered and proven, and
// otherwise why not.
func ticked(r report.Report, ids []string, how string) (tick, why string) {
	var open []string
	seen := 0
	for _, one := range r.Results {
		if !slices.Contains(ids, one.ID) {
			continue
		}
		seen++
		if one.Status != report.OK {
			open = append(open, fmt.Sprintf("`%s`: %s", one.ID, one.Status))
		}
	}
	switch {
	case seen == 0:
		return " ", " (not looked at" + prefixed("; asked for with ", how) + ")"
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
