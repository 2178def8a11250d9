package verify

import (
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// ofContainers gives the processes of the containers, each with whose it is: by
// its cgroup, else by the nearest ancestor that has one of a container or is a
// container's first process, so that a process that left its cgroup counts too.
// One that has the map of a container and no such ancestor is given as well: who
// started it cannot be told.
func ofContainers(all []Process, containers []survey.Container) []Process {
	ids, stays, firsts := map[string]bool{}, map[string]bool{}, map[int]string{}
	for _, c := range containers {
		ids[c.ID], stays[c.ID] = true, c.HostUserns()
		firsts[c.PID] = c.ID
	}
	owner, parent := map[int]string{}, map[int]int{}
	for _, p := range all {
		parent[p.PID] = p.Parent
		if id := inCgroup(p.cgroups, ids); id != "" {
			owner[p.PID] = id
		} else if id := firsts[p.PID]; id != "" {
			owner[p.PID] = id
		}
	}
	var out []Process
	for _, p := range all {
		pid := p.PID
		for range all { // no further than a chain of all of them, should PIDs be reused meanwhile
			if owner[pid] != "" || pid <= 1 {
				break
			}
			pid = parent[pid]
		}
		p.Container = owner[pid]
		p.Stays = stays[p.Container]
		owner[p.PID] = p.Container
		out = append(out, p)
	}
	maps := mapsOf(out, containers)
	return slices.DeleteFunc(out, func(p Process) bool { return p.Container == "" && !stray(p, maps) })
}

func stray(p Process, maps map[string]idmap.Map) bool {
	for _, m := range maps {
		if len(p.Map.UID) > 0 && p.Map.Same(m) {
			return true
		}
	}
	return false
}

// inCgroup finds a container's ID in the lines of /proc/PID/cgroup, cgroups(7):
// ".../<ID>" of the cgroupfs driver, ".../docker-<ID>.scope" of systemd's. Of a
// container in a container the outer one counts.
func inCgroup(lines []string, ids map[string]bool) string {
	const length = 64
	for _, line := range lines {
		for part := range strings.SplitSeq(line, "/") {
			part = strings.TrimSuffix(part, ".scope")
			if n := len(part); n >= length && ids[part[n-length:]] {
				return part[n-length:]
			}
		}
	}
	return ""
}

// mapsOf are the maps that the containers' first processes have in the kernel,
// by the container's ID.
func mapsOf(processes []Process, containers []survey.Container) map[string]idmap.Map {
	maps := map[string]idmap.Map{}
	for _, c := range containers {
		for _, p := range processes {
			if p.PID == c.PID && p.Container == c.ID && len(p.Map.UID) > 0 {
				maps[c.ID] = p.Map
			}
		}
	}
	return maps
}
