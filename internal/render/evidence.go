package render

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
)

// maxUsers is how many lines of the table of containers are shown unless all are asked
// for. The JSON has all of them.
const maxUsers = 50

// users are the lines of a table of containers: a line for each user of each container.
func users(all []report.Container) (lines [][4]string) {
	for _, c := range all {
		for _, u := range c.Users {
			lines = append(lines, [4]string{c.Name, fmt.Sprint(u.Processes), pair(u.UID, u.GID), pair(&u.HostUID, &u.HostGID)})
		}
	}
	return lines
}

// pair writes a UID and a GID, and a question mark for one that is not known.
func pair(uid, gid *int64) string {
	one := func(id *int64) string {
		if id == nil {
			return "?"
		}
		return fmt.Sprint(*id)
	}
	return one(uid) + ":" + one(gid)
}

// containers writes who the processes of containers are.
func (t *resultTable) containers(all []report.Container) {
	lines := users(all)
	if len(lines) == 0 {
		return
	}
	more := 0
	if !t.verbose && len(lines) > maxUsers {
		lines, more = lines[:maxUsers], len(lines)-maxUsers
	}
	fmt.Fprintf(&t.b, "\n%s\n", t.style.strong("Containers"))
	tw := tabwriter.NewWriter(&t.b, 10, 1, 3, ' ', 0)
	fmt.Fprintln(tw, "  CONTAINER\tPROCESSES\tUID:GID INSIDE\tUID:GID ON THE HOST")
	for _, l := range lines {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", escape.Line(l[0]), l[1], l[2], l[3])
	}
	_ = tw.Flush()
	if more > 0 {
		fmt.Fprintf(&t.b, "  and %d more (--verbose shows all)\n", more)
	}
}

// markdownContainers is the same as a table of Markdown.
func markdownContainers(w io.Writer, all []report.Container) {
	lines := users(all)
	if len(lines) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Containers\n\n| container | processes | UID:GID inside | UID:GID on the host |\n| --- | ---: | --- | --- |\n")
	for _, l := range lines {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", escape.Markdown(l[0]), l[1], l[2], l[3])
	}
}
