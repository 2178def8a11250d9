package survey

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

const (
	uidMaps = "uid_map"
	gidMaps = "gid_map"
)

// LiveMap is an ID map that processes of the host run under now, and is not the
// host's own.
type LiveMap struct {
	PIDs []int // that have it, up to a hundred
	Map  idmap.Map
}

var mapsTopic = topic{
	first: func(l *look, q *host.Questions) {
		if l.noMaps {
			return
		}
		q.Lines = append(q.Lines,
			host.Lines{Name: uidMaps, Globs: []string{"/proc/[0-9]*/uid_map"}, Except: idmap.ProcIdentity},
			host.Lines{Name: gidMaps, Globs: []string{"/proc/[0-9]*/gid_map"}, Except: idmap.ProcIdentity})
	},
	read: func(l *look, f *Facts) {
		if l.noMaps {
			f.Maps.Err = errNotAsked
			return
		}
		f.Maps.Value = liveMaps(l.seen.Lines[uidMaps], l.seen.Lines[gidMaps])
	},
	unread: func(f *Facts, err error) { f.Maps.Err = err },
}

// liveMaps groups the processes by the ID maps they run under.
func liveMaps(uids, gids host.Text) []LiveMap {
	type key struct{ uid, gid string }
	groups := map[key]*LiveMap{}
	pids := map[key][]int{}
	for p, uid := range uids.Files {
		gid := gids.Files[path.Join(path.Dir(p), "gid_map")]
		k := key{strings.Join(uid, "\n"), strings.Join(gid, "\n")}
		if groups[k] == nil {
			groups[k] = &LiveMap{Map: idmap.Map{UID: idmap.FromProc(uid), GID: idmap.FromProc(gid)}}
		}
		pids[k] = append(pids[k], pidOf(p))
	}
	var maps []LiveMap
	for k, m := range groups {
		slices.Sort(pids[k])
		m.PIDs = pids[k][:min(len(pids[k]), 100)]
		maps = append(maps, *m)
	}
	slices.SortFunc(maps, func(a, b LiveMap) int { return a.PIDs[0] - b.PIDs[0] })
	return maps
}
