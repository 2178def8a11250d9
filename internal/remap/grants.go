package remap

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Grants are rights to what carried containers mount from the host.
type Grants struct {
	Job   grant.Job
	Files map[string]int64 // by path, how many files get new rights
	// For are the mounts that get what they need: "CONTAINER: SOURCE".
	For []string
	// Refused are those that do not.
	Refused []NotGranted
}

// NotGranted is a mount that a container keeps fewer rights to.
type NotGranted struct {
	Mount string // "CONTAINER: SOURCE"
	Why   string // and what to do instead
}

// What a change does with rights.
const (
	giveRights = "give"
	takeRights = "take"
)

// rightsTime is how long the change of rights may take until the change is undone.
const rightsTime = 10 * time.Minute

// PlacesToGrant are the paths that carried containers mount and may need rights to, for
// [grant.Look]. m is the map that they will run with.
func PlacesToGrant(f survey.Facts, c *Carry, m idmap.Map) grant.Survey {
	set := map[grant.Place]bool{}
	for _, one := range mountsOf(f, c, m) {
		if one.unknown != nil || one.loss.Path.Stat.Err != nil {
			continue
		}
		p := one.loss.Path
		if access.Allowed(f, p, false) == nil && (p.Stat.Mode.IsDir() || one.loss.Any()) {
			set[grant.Place{Path: p.Real, Tree: p.Stat.Mode.IsDir()}] = true
		}
		if shut, _, ok := access.Shut(f, p.Parents, m); ok {
			set[grant.Place{Path: shut.Path}] = true
		}
	}
	s := grant.Survey{Map: m}
	s.Odd, s.OddPaths = survey.OddNames()
	for p := range maps.Keys(set) {
		s.Places = append(s.Places, p)
	}
	slices.SortFunc(s.Places, func(a, b grant.Place) int { return strings.Compare(a.Path, b.Path) })
	return s
}

// mountOf is what a container mounts from the host, and what it loses.
type mountOf struct {
	name      string
	container survey.Container
	mount     survey.Mount
	loss      access.Loss
	unknown   error
}

// mountsOf are the mounts of the carried containers that remap starts.
func mountsOf(f survey.Facts, c *Carry, m idmap.Map) (all []mountOf) {
	for _, carried := range c.Job.Containers {
		one, found := f.Container(carried.ID)
		if !found || carried.HostUserns || carried.Stopped {
			continue
		}
		for _, mount := range one.Mounts {
			if mount.Type != "bind" || access.IsEngineSocket(f, mount) {
				continue
			}
			p, known := f.Paths.Value[mount.Source]
			next := mountOf{name: one.Name + ": " + mount.Source, container: one, mount: mount, unknown: access.Unknown(one, p, known)}
			if next.unknown == nil {
				next.loss, known = access.Lost(one, mount, p, m)
			}
			if known {
				all = append(all, next)
			}
		}
	}
	return all
}

// PlanGrants decides what carried containers get, by what was found at the places.
func PlanGrants(f survey.Facts, c *Carry, s grant.Survey, found []grant.Found) Grants {
	g := Grants{Job: grant.Job{Map: s.Map}, Files: map[string]int64{}}
	at := map[grant.Place]grant.Found{}
	for i, p := range s.Places {
		at[p] = found[i]
	}
	for _, one := range mountsOf(f, c, s.Map) {
		if one.unknown != nil {
			g.Refused = append(g.Refused, NotGranted{one.name, "could not determine whether it loses access: " + one.unknown.Error()})
			continue
		}
		if shut, above, ok := access.Shut(f, one.loss.Path.Parents, s.Map); ok {
			pass, r := access.PassRemedy(f, shut, above, s.Map.UID.Root())
			g.add(one.name, pass, r, at[grant.Place{Path: shut.Path}])
		}
		p := one.loss.Path
		here, looked := at[grant.Place{Path: p.Real, Tree: p.Stat.Mode.IsDir()}]
		if looked && p.Stat.Mode.IsDir() && here.Err == "" {
			p.Inside = &survey.Inside{Kinds: here.Kinds, Odd: here.Odd}
			one.loss, _ = access.Lost(one.container, one.mount, p, s.Map)
		}
		if one.loss.Any() {
			right, r := one.loss.Remedy(f)
			g.add(one.name, right, r, here)
		}
	}
	// Owners first: an ACL entry is then added to what they left.
	slices.SortStableFunc(g.Job.Grants, func(a, b grant.Grant) int {
		if a.Shift != b.Shift {
			return map[bool]int{true: -1, false: 1}[a.Shift]
		}
		return strings.Compare(a.Path, b.Path)
	})
	return g
}

// add adds a right to a mount, unless it is refused, or could not be taken back.
func (g *Grants) add(mount string, one grant.Grant, r *access.Refusal, found grant.Found) {
	why := found.Err
	switch {
	case why != "":
	case r != nil:
		why = strings.TrimSuffix(r.Why+"; "+r.Instead, "; ")
	case found.Inode == 0:
		why = "it was not looked at"
	case one.Shift:
		why = found.NoShift
	default:
		why = found.NoACL
	}
	if why != "" {
		g.Refused = append(g.Refused, NotGranted{mount, why})
		return
	}
	one.Inode = found.Inode
	g.Files[one.Path] = max(found.Files, 1)
	if !slices.Contains(g.For, mount) {
		g.For = append(g.For, mount)
	}
	for i, o := range g.Job.Grants {
		if o.Path == one.Path && o.Tree == one.Tree && o.Shift == one.Shift && o.UID == one.UID {
			g.Job.Grants[i].Perm |= one.Perm
			return
		}
	}
	g.Job.Grants = append(g.Job.Grants, one)
}

// givenBy are the rights that the newest enable gave, if the host is in that change.
func givenBy(past []Past) Grants {
	enabled, known := newest(past)
	if !known || enabled.ID != lastKept(past) {
		return Grants{}
	}
	return Grants{Job: grant.Job{Map: enabled.After.Map, Grants: enabled.Grants}}
}

// text is the file that the program on the host reads.
func (g Grants) text() []byte {
	text, _ := json.MarshalIndent(g.Job, "", "  ") // of plain values it always succeeds
	return append(text, '\n')
}

// title is what the outage does with the rights.
func (g Grants) title(rights string) string {
	if rights == giveRights {
		return "give the mapped users their rights to " + g.paths()
	}
	return "take back the rights to " + g.paths() + " that enable gave"
}

// paths names the paths, the first ones of very many.
func (g Grants) paths() string {
	const most = 5
	var all []string
	for _, one := range g.Job.Grants {
		all = append(all, one.Path)
	}
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	if more := len(all) - most; more > 0 {
		all = append(all[:most], fmt.Sprintf("%d more", more))
	}
	return enumerate(all)
}
