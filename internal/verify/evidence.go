package verify

import (
	"cmp"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// evidence lists who the processes of each container are, by the effective IDs of their
// first threads: on the host as they were seen there, and in the container as the
// kernel's map of the process translates them. m is the map of the engine, for processes
// whose own map could not be read; known is false if there is none.
func (s Seen) evidence(m idmap.Map, known bool) []report.Container {
	var all []report.Container
	for _, c := range s.Chosen {
		one := report.Container{Name: c.Name}
		for _, p := range s.Processes.Value {
			if p.Container == c.ID && len(p.Threads) > 0 {
				one.Processes++
				one.Users = count(one.Users, user(p, m, known))
			}
		}
		slices.SortFunc(one.Users, func(a, b report.User) int {
			return cmp.Or(cmp.Compare(a.HostUID, b.HostUID), cmp.Compare(a.HostGID, b.HostGID))
		})
		if one.Processes > 0 {
			all = append(all, one)
		}
	}
	return all
}

// count adds a user to those that have the same IDs.
func count(users []report.User, u report.User) []report.User {
	i := slices.IndexFunc(users, func(o report.User) bool { return o.HostUID == u.HostUID && o.HostGID == u.HostGID })
	if i < 0 {
		return append(users, u)
	}
	users[i].Processes++
	return users
}

func user(p Process, m idmap.Map, known bool) report.User {
	ids := p.Threads[0]
	u := report.User{Processes: 1, HostUID: ids.UID[1], HostGID: ids.GID[1]}
	switch {
	case p.HostUserns:
		m = hostIDs
	case !p.Map.Empty():
		m = p.Map
	case !known:
		return u
	}
	u.UID, u.GID = inside(m.UID, u.HostUID), inside(m.GID, u.HostGID)
	return u
}

// inside is an ID of the host in a container, nil if the container has no such ID.
func inside(e idmap.Extents, hostID int64) *int64 {
	if !e.Holds(hostID) {
		return nil
	}
	id := e.ToContainer(hostID)
	return &id
}
