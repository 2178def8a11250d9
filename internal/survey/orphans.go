package survey

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// cgroups is the answer that has the cgroups of all processes: of version 2, and of two
// hierarchies of version 1. runc puts a container into its cgroup in each of them.
const cgroups = "cgroups"

func askCgroups() host.Lines {
	return host.Lines{Name: cgroups, Globs: []string{"/proc/[0-9]*/cgroup"}, Prefixes: []string{"0::", "1:", "2:"}}
}

// dockerCgroup is the cgroup that dockerd has runc make for a container, with systemd and
// without, unless it is given another parent. Only root can make one there: others are
// given cgroups of their own below, such as a user's slice, and may name those in it.
var dockerCgroup = regexp.MustCompile(`^/(?:system\.slice/docker-([0-9a-f]{64})\.scope|docker/([0-9a-f]{64}))(?:/|$)`)

// orphans are the containers whose shim has ended and left their processes behind. With
// a second dockerd on the host, whose they are is unknown, and there are none.
func (l *look) orphans() []shim {
	if d, _ := l.daemon(); len(l.others(d)) > 0 {
		return nil
	}
	held := map[string]bool{}
	for _, link := range l.askShims() {
		held[path.Base(strings.TrimSuffix(l.link(link), " (deleted)"))] = true
	}
	found := map[string][]int{}
	files := l.seen.Lines[cgroups].Files
	top := topCgroups(files[proc(1, "cgroup")])
	for file, lines := range files {
		for _, line := range lines {
			hierarchy, at := splitCgroup(line)
			m := dockerCgroup.FindStringSubmatch(strings.TrimPrefix(at, top[hierarchy]))
			if m == nil {
				continue
			}
			if id := m[1] + m[2]; !held[id] {
				found[id] = append(found[id], pidOf(file))
				break
			}
		}
	}
	var all []shim
	for _, id := range slices.Sorted(maps.Keys(found)) {
		all = append(all, shim{id: id, pids: found[id]})
	}
	return all
}

// topCgroups are the cgroups that the host's own begin with, by hierarchy: a host that is
// itself a container sees them with what its own host put before.
func topCgroups(ofInit []string) map[string]string {
	top := map[string]string{}
	for _, line := range ofInit {
		hierarchy, at := splitCgroup(line)
		top[hierarchy] = strings.TrimSuffix(strings.TrimSuffix(at, "/init.scope"), "/")
	}
	return top
}

// splitCgroup reads "HIERARCHY:CONTROLLERS:PATH", cgroups(7).
func splitCgroup(line string) (hierarchy, at string) {
	hierarchy, rest, _ := strings.Cut(line, ":")
	_, at, _ = strings.Cut(rest, ":")
	return hierarchy, at
}
