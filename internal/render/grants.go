package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// granted are the rights to what containers mount that a plan gives, and those that it does
// not.
func granted(g remap.Grants, s Style) string {
	var b strings.Builder
	if len(g.Job.Grants) > 0 {
		b.WriteString("\nRights to what containers mount from the host, until disable takes them back:\n")
	}
	for _, one := range g.Job.Grants {
		b.WriteString("  - " + s.wrapped(fmt.Sprintf("%s (%s): %s", escape.Line(one.Path), report.Count(int(g.Files[one.Path]), "file"), inWords(one)), 4, 4) + "\n")
	}
	if len(g.Job.Grants) > 0 && slices.ContainsFunc(g.Job.Grants, func(one grant.Grant) bool { return !one.Shift }) {
		b.WriteString("  " + s.wrapped("Files that programs of the host create there later get no ACL entry", 2, 2) + "\n")
	}
	why := map[string][]string{}
	for _, r := range g.Refused {
		why[r.Why] = append(why[r.Why], r.Mount)
	}
	if len(why) > 0 {
		b.WriteString("\nNo rights are given to these, and the containers may fail:\n")
	}
	for _, reason := range slices.SortedFunc(maps.Keys(why), func(a, b string) int { return cmp.Compare(why[a][0], why[b][0]) }) {
		b.WriteString("  - " + s.wrapped(escape.Line(strings.Join(slices.Compact(why[reason]), ", ")+": "+reason), 4, 4) + "\n")
	}
	return b.String()
}

// inWords is how a right is given.
func inWords(g grant.Grant) string {
	if g.Shift {
		return "owners become the mapped users, so programs of the host that use the files as their owner lose access"
	}
	return fmt.Sprintf("user %d gets %s by an ACL entry", g.UID, access.Perm(g.Perm))
}
