package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// violation is what is wrong with one process.
type violation struct {
	root bool // it is root on the host
	what string
}

// violations compares the IDs of a process and of each of its threads with the map
// of its own user namespace and that of its container's first process. A user
// namespace that was made in a container has a part of the container's map.
func violations(p Process, maps map[string]idmap.Map) []violation {
	if p.HostUserns {
		return nil
	}
	limits := []idmap.Map{p.Map}
	if m, ok := maps[p.Container]; ok {
		limits = append(limits, m)
	}
	if len(p.Map.UID) == 0 {
		limits = limits[1:]
	}
	var out []violation
	for _, t := range p.Threads {
		where := ""
		if t.TID != p.Threads[0].TID {
			where = fmt.Sprintf("thread %d: ", t.TID)
		}
		if ids := idsThat(t, func(_ idmap.Extents, id int64) bool { return id == 0 }, limits); ids != "" {
			out = append(out, violation{root: true, what: where + ids})
		}
		if ids := idsThat(t, func(e idmap.Extents, id int64) bool { return id != 0 && !e.Holds(id) }, limits); ids != "" {
			out = append(out, violation{what: where + ids + " not in the map"})
		}
	}
	if len(p.Map.UID) == 0 && len(out) == 0 {
		out = append(out, violation{what: "in the host's user namespace"})
	}
	return out
}

var kinds = [4]string{"real", "effective", "saved", "file system"}

// idsThat names the IDs of a thread of which something is true in one of the
// maps: "effective UID 0, GID 0, group 27". Without a map only IDs of root can be.
func idsThat(t IDs, is func(idmap.Extents, int64) bool, limits []idmap.Map) string {
	if len(limits) == 0 {
		limits = []idmap.Map{hostIDs}
	}
	in := func(side func(idmap.Map) idmap.Extents, id int64) bool {
		return slices.ContainsFunc(limits, func(m idmap.Map) bool { return is(side(m), id) })
	}
	var said []string
	said = append(said, eachOf("UID", t.UID, func(id int64) bool { return in(uids, id) })...)
	said = append(said, eachOf("GID", t.GID, func(id int64) bool { return in(gids, id) })...)
	for _, g := range t.Groups {
		if in(gids, g) {
			said = append(said, fmt.Sprintf("group %d", g))
		}
	}
	return strings.Join(said, ", ")
}

func uids(m idmap.Map) idmap.Extents { return m.UID }
func gids(m idmap.Map) idmap.Extents { return m.GID }

// hostIDs is the map of a process in the host's own user namespace.
var hostIDs = idmap.Single(0, 1<<32-1)

// eachOf names those of the four IDs of a kind of which something is true; if
// all four are one ID, that once.
func eachOf(kind string, ids [4]int64, is func(int64) bool) []string {
	if ids == [4]int64{ids[0], ids[0], ids[0], ids[0]} {
		if is(ids[0]) {
			return []string{fmt.Sprintf("%s %d", kind, ids[0])}
		}
		return nil
	}
	var said []string
	for i, id := range ids {
		if is(id) {
			said = append(said, fmt.Sprintf("%s %s %d", kinds[i], kind, id))
		}
	}
	return said
}
