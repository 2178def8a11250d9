package audit

import (
	"cmp"
	"slices"

	"github.com/docker-userns/docker-userns/internal/image"
)

// join is an image and the facts of its layers, while they become a report.
type join struct {
	*Auditor
	img    image.Image
	layers []*facts
	// history are the steps that made the image, none if it has no history that
	// fits; record is the one of each layer.
	history []step
	record  []int
	file    *Dockerfile // the one that was given, or that provenance has; nil for none
	base    base
	cured   *plan
}

func (a *Auditor) join(img image.Image, others []image.Image) *join {
	j := &join{Auditor: a, img: img, layers: a.of(img), base: baseOf(img, others)}
	j.history, j.record = steps(img)
	if j.file = a.dockerfile(img); j.file != nil {
		j.cures() // it tells the base image's layers
	}
	return j
}

// dockerfile is the one of an image: what was given, which provenance can tell more of, or
// what provenance has.
func (a *Auditor) dockerfile(img image.Image) *Dockerfile {
	d, proven := a.opt.Dockerfile, proven(img)
	switch {
	case d == nil || proven == nil:
		return cmp.Or(d, proven)
	case d.file.Text != proven.file.Text:
		return d
	}
	proven.Name = d.Name
	return proven
}

// digests are those of the layers.
func (j *join) digests() []string {
	all := make([]string, len(j.img.Layers))
	for i, l := range j.img.Layers {
		all[i] = l.Digest
	}
	return all
}

// step is the instruction that made a layer, as history has it.
func (j *join) step(layer int) step {
	if layer < 0 || len(j.history) == 0 {
		return step{}
	}
	return j.history[j.record[layer]]
}

func (j *join) describe() []Layer {
	all := make([]Layer, len(j.layers))
	for i, l := range j.layers {
		all[i] = Layer{
			Index:       i,
			DiffID:      j.img.Layers[i].DiffID,
			Digest:      j.img.Layers[i].Digest,
			Instruction: j.step(i).text,
			Candidates:  j.candidates(i),
			Base:        i < j.base.layers,
			Entries:     l.entries,
			Unmapped:    l.unmapped,
		}
	}
	return all
}

// candidates are the instructions that can have made a layer in which something is
// wrong, if they are several.
func (j *join) candidates(layer int) (all []string) {
	if len(j.bad(layer)) == 0 || layer < j.base.layers {
		return nil
	}
	if makers := j.plan().recipe.made[layer]; len(makers) > 1 {
		for _, in := range slices.Backward(makers) {
			all = append(all, in.Raw)
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
				Count: g.count, Paths: j.keep(g.paths), LaterLayer: fates[g], Mixed: g.mixed, Asked: g.asked, Folders: slices.Clone(g.folders),
				Common: string(g.common),
			}
			f.Cause = j.cause(i, g)
			if g.rule != Owner {
				j.cure(&f, j.plan().layers[i], j.offenders(g)...)
			}
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
	case UnmappedOwner, UnmappedUser, RefusedLayer:
		return Error
	case Owner:
		return Note
	}
	return Warning
}
