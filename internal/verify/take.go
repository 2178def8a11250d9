package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Seen is what one look has found.
type Seen struct {
	survey.Facts
	// Chosen are the running containers that the questions are about.
	Chosen []survey.Container
	// Processes are those of the chosen containers, by PID.
	Processes survey.Read[[]Process]
	// Unseen are the names of containers that run and of which no process was seen.
	Unseen []string
	// Weak says that Processes are from the engine's ps: no threads, no maps.
	Weak bool
	// Before is what the engine had before remap was turned on; nil if nothing
	// recorded it.
	Before survey.Read[*survey.Record]
	// Probed is the map of a probe, as it was seen there; empty if none ran.
	Probed idmap.Map
}

// ErrNoContainer: a container that was asked for does not exist, or does not run.
var ErrNoContainer = errors.New("no such container runs")

// Take looks at the engine, its host, and every process of the chosen
// containers: over ssh in one round trip more than a survey takes.
func Take(ctx context.Context, t Target, o Options) (Seen, error) {
	var all []Process
	var errAll error
	var wg sync.WaitGroup
	wg.Go(func() { all, errAll = readProcesses(ctx, t.Host, allProcesses) })
	seen := Seen{Facts: survey.Take(ctx, t, survey.Options{Sizes: noSizes, NoMaps: true, Inside: access.ToLookInto})}
	seen.Before = o.Before
	wg.Wait()
	if seen.Containers.Err == nil {
		var err error
		if seen.Chosen, err = choose(seen.Facts, o.Containers); err != nil {
			return Seen{}, err
		}
	}
	switch remapped, _ := seen.Remapped(); {
	case !remapped || len(seen.Chosen) == 0:
		return seen, nil
	case seen.Kernel.Err != nil:
		seen.Weak = true
		seen.Processes.Value, seen.Processes.Err = askTops(ctx, t.API, seen.Chosen)
	case errAll != nil:
		seen.Processes.Err = errAll
	default:
		run := running(seen.Containers.Value)
		seen.Processes.Value, seen.Processes.Err = settled(ctx, t.Host, all, run)
		seen.Processes.Value = of(seen.Processes.Value, run, seen.Chosen)
	}
	seen.Unseen = unseen(ctx, t.API, seen)
	return seen, nil
}

// unseen asks the engine of each container without a process whether it has ended
// meanwhile. One that has not is out of sight, as with a /proc that hides the
// processes of others (hidepid, proc(5)).
func unseen(ctx context.Context, api API, s Seen) (names []string) {
	has := map[string]bool{}
	for _, p := range s.Processes.Value {
		has[p.Container] = true
	}
	for _, c := range s.Chosen {
		if s.Processes.Err != nil || has[c.ID] || c.PID == 0 { // without one, it is being restarted
			continue
		}
		now, err := api.ContainerInspect(ctx, c.ID)
		if err == nil && now.ContainerJSONBase != nil && now.State != nil && now.State.Running && now.State.Pid == c.PID {
			names = append(names, c.Name)
		}
	}
	return names
}

// choose gives the running containers that names and IDs stand for.
func choose(f survey.Facts, names []string) ([]survey.Container, error) {
	all := running(f.Containers.Value)
	if len(names) == 0 {
		return all, nil
	}
	var chosen []survey.Container
	for _, name := range names {
		i := find(all, name)
		if i < 0 {
			return nil, fmt.Errorf("looking for container %q: %w; see which do with: %s", name, ErrNoContainer, report.Docker(f, "ps"))
		}
		if !slices.ContainsFunc(chosen, func(c survey.Container) bool { return c.ID == all[i].ID }) {
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

func running(all []survey.Container) []survey.Container {
	return slices.DeleteFunc(slices.Clone(all), func(c survey.Container) bool { return !c.Running() })
}

// of leaves out the processes of containers that were not asked for.
func of(processes []Process, all, chosen []survey.Container) []Process {
	if len(chosen) == len(all) {
		return processes
	}
	return slices.DeleteFunc(processes, func(p Process) bool {
		return !slices.ContainsFunc(chosen, func(c survey.Container) bool { return c.ID == p.Container })
	})
}

// find looks for a container as the engine does: by its ID, by its name, by the
// beginning of its ID.
func find(containers []survey.Container, name string) int {
	for _, is := range []func(survey.Container) bool{
		func(c survey.Container) bool { return c.ID == name },
		func(c survey.Container) bool { return c.Name == strings.TrimPrefix(name, "/") },
		func(c survey.Container) bool { return name != "" && strings.HasPrefix(c.ID, name) },
	} {
		if i := slices.IndexFunc(containers, is); i >= 0 {
			return i
		}
	}
	return -1
}

// settle is how long what looks wrong is given before it is looked at again: a
// process on its way into a container (runc's, as long as it has not joined the
// user namespace) is root on the host for some milliseconds.
const settle = 300 * time.Millisecond

// settled gives the containers' processes among all that were seen, after a second
// look at those that are not as they should be: what was wrong in passing does not
// count. If a container has none, it was started since, and all are looked at
// again.
func settled(ctx context.Context, h host.Host, all []Process, containers []survey.Container) ([]Process, error) {
	if lacking(all, containers) {
		var err error
		if all, err = readProcesses(ctx, h, allProcesses); err != nil {
			return nil, err
		}
	}
	processes, strays := ofContainers(all, containers)
	adopted, err := adopt(ctx, h, strays, containers)
	if err != nil {
		return nil, err
	}
	processes = append(processes, adopted...)
	maps := mapsOf(processes, containers)
	var suspect []int
	for _, p := range processes {
		if len(violations(p, maps)) > 0 {
			suspect = append(suspect, p.PID)
		}
	}
	if len(suspect) == 0 {
		return processes, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	again, err := readProcesses(ctx, h, globsOf(suspect))
	if err != nil {
		return nil, err
	}
	return replaced(processes, suspect, again), nil
}

// lacking reports whether the first process of a container was not seen.
func lacking(all []Process, containers []survey.Container) bool {
	return slices.ContainsFunc(containers, func(c survey.Container) bool {
		return c.PID > 0 && !slices.ContainsFunc(all, func(p Process) bool { return p.PID == c.PID })
	})
}

// replaced puts what the second reading has in the place of what the
// first one found suspect. Processes that ended meanwhile are gone.
func replaced(first []Process, suspect []int, second []Process) []Process {
	now := map[int]Process{}
	for _, p := range second {
		now[p.PID] = p
	}
	var out []Process
	for _, p := range first {
		if slices.Contains(suspect, p.PID) {
			q, there := now[p.PID]
			if !there {
				continue
			}
			q.Container, q.HostUserns = p.Container, p.HostUserns
			p = q
		}
		out = append(out, p)
	}
	return out
}
