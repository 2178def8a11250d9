package commands

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// what says in one line what is wrong, in the engine's words where it has some.
func (a *auditTable) what(f audit.Finding) string {
	switch f.Rule {
	case audit.UnmappedOwner:
		owner := fmt.Sprintf("%s of %d:%d", entries(f.Count), f.UID, f.GID)
		if f.Mixed {
			owner += " and of others"
		}
		return fmt.Sprintf("%s: container ID %d cannot be mapped to a host ID", owner, a.refused(f))
	case audit.RootAlias:
		return fmt.Sprintf("%s of %d:%d, the host ID of the container's root: the engine takes %s, and makes %s root's",
			entries(f.Count), f.UID, f.GID, them(f.Count), them(f.Count))
	case audit.UnmappedUser:
		return f.Message
	case audit.UnmappedAccount:
		if len(f.Paths) > 0 && strings.HasPrefix(f.Paths[0], "etc/group:") {
			return fmt.Sprintf("%s beyond the map: no process can have %s", counted(f.Count, "group"), them(f.Count))
		}
		return fmt.Sprintf("%s beyond the map: no process can run as %s", counted(f.Count, "user"), them(f.Count))
	}
	return fmt.Sprintf("%s of %d:%d", entries(f.Count), f.UID, f.GID)
}

// refused is the ID that the engine names: it looks at the UID first.
func (a *auditTable) refused(f audit.Finding) int64 {
	if a.idMap.UID.Fate(f.UID) == idmap.Unmapped {
		return f.UID
	}
	return f.GID
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
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
