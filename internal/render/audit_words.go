package render

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// what says in one line what is wrong, in the engine's words if it has some.
func (a *auditTable) what(f audit.Finding) string {
	switch f.Rule {
	case audit.UnmappedOwner:
		owner := fmt.Sprintf("%s of %d:%d", report.Counted(int(f.Count), "entry", "entries"), f.UID, f.GID)
		if f.Mixed {
			owner += " and of others"
		}
		return fmt.Sprintf("%s: container ID %d cannot be mapped to a host ID", owner, a.refused(f))
	case audit.RootAlias:
		return fmt.Sprintf("%s of %d:%d, the host ID of the container's root: the engine takes %s, and makes %s root's",
			report.Counted(int(f.Count), "entry", "entries"), f.UID, f.GID, them(f.Count), them(f.Count))
	case audit.UnmappedUser, audit.RefusedLayer:
		return f.Message
	case audit.UnmappedAccount:
		if len(f.Paths) > 0 && strings.HasPrefix(f.Paths[0], "etc/group:") {
			return fmt.Sprintf("%s beyond the map: no process can have %s", report.Count(int(f.Count), "group"), them(f.Count))
		}
		return fmt.Sprintf("%s beyond the map: no process can run as %s", report.Count(int(f.Count), "user"), them(f.Count))
	}
	return fmt.Sprintf("%s of %d:%d", report.Counted(int(f.Count), "entry", "entries"), f.UID, f.GID)
}

// refused is the ID that the engine names: it looks at the UID first.
func (a *auditTable) refused(f audit.Finding) int64 {
	if a.Map.UID.Treatment(f.UID) == idmap.Unmapped {
		return f.UID
	}
	return f.GID
}

func them(n int64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// causeText says for people what a cause is.
var causeText = map[audit.Cause]string{
	audit.CauseNPM:     "npm kept the owners that are recorded in a package's tarball",
	audit.CauseTar:     "tar, run by root, kept the owners that are recorded in the archive",
	audit.CauseAdd:     "ADD unpacked an archive with the owners that are recorded in it",
	audit.CauseUseradd: "an account was made with a number beyond the map",
	audit.CauseChown:   "the instruction gives files a number beyond the map",
	audit.CauseUser:    "the instruction runs as a USER beyond the map, whose files these are",
	audit.CauseCopy:    "its --chown, or the stage that it copies from, has this owner",
	audit.CauseBuilder: "the builder kept the owner that the files had in its own workspace",
	audit.CauseCygwin:  "the archive was made by Cygwin on Windows, whose accounts start at 197608",
	audit.CauseBase:    "the base image brings this layer along",
}
