package ranges

import (
	"fmt"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Held are host IDs that somebody has, each with whose they are. UIDs and GIDs
// are apart: the same number as a UID and as a GID can belong to two.
type Held struct{ UID, GID []idmap.Range }

// Subordinate are the ranges that the lines give to others.
func (l Lines) Subordinate() Held {
	return Held{
		UID: held(l.OtherUID, "UIDs", "/etc/subuid"),
		GID: held(l.OtherGID, "GIDs", "/etc/subgid"),
	}
}

// Own are the ranges that the lines give to the account.
func (l Lines) Own() Held {
	return Held{
		UID: held(l.UID, "UIDs", "/etc/subuid"),
		GID: held(l.GID, "GIDs", "/etc/subgid"),
	}
}

func held(lines []idmap.Line, kind, path string) []idmap.Range {
	var out []idmap.Range
	for _, l := range lines {
		if r := l.Range(fmt.Sprintf("subordinate %s of %s (%s, line %d)", kind, l.Owner, path, l.Number)); r.Size > 0 {
			out = append(out, r)
		}
	}
	return out
}

// Accounts are the IDs of users and groups.
func Accounts(a survey.Accounts) Held {
	var h Held
	for _, u := range a.Users {
		h.UID = append(h.UID, idmap.Range{Start: u.ID, Size: 1, Reason: "user " + u.Name})
		h.GID = append(h.GID, idmap.Range{Start: u.GID, Size: 1, Reason: "primary group of user " + u.Name})
	}
	for _, g := range a.Groups {
		h.GID = append(h.GID, idmap.Range{Start: g.ID, Size: 1, Reason: "group " + g.Name})
	}
	return h
}

// Live are the IDs that processes run under in user namespaces now, save those
// that lie within a map of the engine's own.
func Live(maps []survey.LiveMap, own idmap.Map) Held {
	var h Held
	for _, m := range maps {
		reason := "processes that run now"
		if len(m.PIDs) > 0 {
			reason = fmt.Sprintf("process %d, which runs now", m.PIDs[0])
		}
		h.UID = append(h.UID, live(m.Map.UID, reason, own.UID)...)
		h.GID = append(h.GID, live(m.Map.GID, reason, own.GID)...)
	}
	return h
}

func live(extents idmap.Extents, reason string, own idmap.Extents) []idmap.Range {
	var out []idmap.Range
	for _, x := range extents {
		if r := (idmap.Range{Start: x.HostID, Size: x.Size, Reason: reason}); !within(r, own) {
			out = append(out, r)
		}
	}
	return out
}

func within(r idmap.Range, own idmap.Extents) bool {
	return slices.ContainsFunc(own, func(x idmap.Extent) bool {
		return r.Start >= x.HostID && r.Start-x.HostID <= x.Size-r.Size
	})
}
