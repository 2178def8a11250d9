package verify

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// ofContainers gives the processes of the containers, each with whose it is: by
// its cgroup, otherwise by the nearest ancestor that has one of a container or is a
// container's first process, so that a process that left its cgroup counts too.
// Strays have the map of a container and no such ancestor.
func ofContainers(all []Process, containers []survey.Container) (owned, strays []Process) {
	owner := ownersOf(all, containers)
	stays := map[string]bool{}
	for _, c := range containers {
		stays[c.ID] = c.HostUserns()
	}
	var rest []Process
	for _, p := range all {
		p.Container = owner[p.PID]
		p.HostUserns = stays[p.Container]
		if p.Container != "" {
			owned = append(owned, p)
		} else if len(p.Map.UID) > 0 {
			rest = append(rest, p)
		}
	}
	known := slices.Collect(maps.Values(mapsOf(owned, containers)))
	for _, p := range rest {
		if slices.ContainsFunc(known, p.Map.Same) {
			strays = append(strays, p)
		}
	}
	return owned, strays
}

// ownersOf says by PID which container a process is of.
func ownersOf(all []Process, containers []survey.Container) map[int]string {
	ids, owner, parent := map[string]bool{}, map[int]string{}, map[int]int{}
	for _, c := range containers {
		ids[c.ID] = true
		owner[c.PID] = c.ID
	}
	for _, p := range all {
		parent[p.PID] = p.Parent
		if id := inCgroup(p.cgroups, ids); id != "" {
			owner[p.PID] = id
		}
	}
	for _, p := range all {
		pid := p.PID
		for range all { // no longer than all of them, should PIDs be used again meanwhile
			if owner[pid] != "" || pid <= 1 {
				break
			}
			pid = parent[pid]
		}
		owner[p.PID] = owner[pid]
	}
	return owner
}

// maxStrays is how many strays are asked for their namespace: over ssh each is a
// process there.
const maxStrays = 256

// adopt gives those strays that are in the user namespace of a container: they
// left its cgroup and lost their parents. The others are another engine's, or of
// a container that was started after the list was made.
func adopt(ctx context.Context, h host.Host, strays []Process, containers []survey.Container) ([]Process, error) {
	if len(strays) == 0 {
		return nil, nil
	}
	strays = strays[:min(len(strays), maxStrays)]
	var q host.Questions
	link := func(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/user" }
	for _, p := range strays {
		q.Links = append(q.Links, link(p.PID))
	}
	for _, c := range containers {
		if !c.HostUserns() {
			q.Links = append(q.Links, link(c.PID))
		}
	}
	a, err := h.Look(ctx, q)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, c := range containers {
		if space := a.Links[link(c.PID)][link(c.PID)]; space != "" && !c.HostUserns() {
			of[space] = c.ID
		}
	}
	var adopted []Process
	for _, p := range strays {
		if p.Container = of[a.Links[link(p.PID)][link(p.PID)]]; p.Container != "" {
			adopted = append(adopted, p)
		}
	}
	return adopted, nil
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
