package audit

import (
	"slices"

	"github.com/docker-userns/docker-userns/internal/image"
)

// join is an image and the facts of its layers, while they become a report.
type join struct {
	*Auditor
	img    image.Image
	layers []*facts
	steps  []step // the instruction of each layer
	base   base
}

func (j *join) describe() []Layer {
	all := make([]Layer, len(j.layers))
	for i, l := range j.layers {
		all[i] = Layer{
			Index:       i,
			DiffID:      j.img.Layers[i].DiffID,
			Digest:      j.img.Layers[i].Digest,
			Instruction: j.steps[i].text,
			Base:        i < j.base.layers,
			Entries:     l.entries,
			Unmapped:    l.unmapped,
		}
	}
	return all
}

var ranks = map[Rule]int{UnmappedOwner: 0, RootAlias: 1, Owner: 2}

// owners are the findings of the layers' entries: by layer, errors first.
func (j *join) owners() []Finding {
	fates := later(j.layers)
	var all []Finding
	for i, l := range j.layers {
		groups := slices.Clone(l.groups)
		slices.SortStableFunc(groups, func(a, b *group) int { return ranks[a.rule] - ranks[b.rule] })
		for _, g := range groups {
			f := Finding{
				Rule: g.rule, Severity: severity(g.rule), Layer: i, UID: g.uid, GID: g.gid,
				Count: g.count, Paths: j.keep(g.paths), LaterLayer: fates[g], Mixed: g.mixed, Folders: slices.Clone(g.folders),
			}
			f.Cause, f.Fix = j.cure(i, g)
			all = append(all, f)
		}
	}
	return all
}

// keep cuts paths to what was asked for.
func (j *join) keep(paths []string) []string {
	if n := j.opt.Paths; n >= 0 && len(paths) > n {
		paths = paths[:n]
	}
	return append([]string{}, paths...)
}

func severity(r Rule) Severity {
	switch r {
	case UnmappedOwner, UnmappedUser:
		return Error
	case Owner:
		return Note
	}
	return Warning
}
