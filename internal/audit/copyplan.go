package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/escape"
)

// copyPlan gives what COPY or ADD makes another owner.
func (j *join) copyPlan(layer int, in *dockerfile.Instruction, moves []move) layerPlan {
	r := j.plan().recipe
	s := j.step(layer)
	classic := r.file == nil && isClassic(in.Rest())
	owner, one := j.oneOwner(layer)
	switch {
	case in.Verb == "ADD" && addsArchive(in.Rest()):
		return j.addPlan(in, moves)
	case !one:
		return layerPlan{said: escape.Line("copy these files in a stage of its own, let its last RUN be: " + j.find(moves, j.bad(layer)) + ", and copy them from there: " + in.Raw)}
	case classic && in.Flag("--chown") != "":
		return layerPlan{said: escape.Line(fmt.Sprintf("make it --chown=%s in this %s: %s", owner, in.Verb, s.text))}
	case classic:
		return layerPlan{said: escape.Line(fmt.Sprintf("probably this %s has a --from or a --chown, which history does not record: give it --chown=%s: %s", in.Verb, owner, s.text))}
	}
	e, ok := in.SetFlag("--chown", owner)
	if !ok {
		return layerPlan{said: escape.Line("give it --chown=" + owner + ": " + in.Raw)}
	}
	j.plan().edit(in, "give it --chown="+owner, e)
	return layerPlan{changed: []*dockerfile.Instruction{in}}
}

// oneOwner is the owner that all files of a layer have once the plan is followed,
// but for those of root.
func (j *join) oneOwner(layer int) (owner string, one bool) {
	l := j.layers[layer]
	uids, gids := slices.Clone(l.mapped.uids), slices.Clone(l.mapped.gids)
	for _, g := range j.bad(layer) {
		if g.mixed {
			return "0:0", !l.mapped.any()
		}
		uids, gids = appendNew(uids, j.becomes(g, g.uid, false)), appendNew(gids, j.becomes(g, g.gid, true))
	}
	root := func(id int64) bool { return id == 0 }
	if len(uids) > 1 {
		uids = slices.DeleteFunc(uids, root)
	}
	if len(gids) > 1 {
		gids = slices.DeleteFunc(gids, root)
	}
	if l.mapped.more || len(uids) != 1 || len(gids) != 1 {
		return "0:0", false
	}
	return fmt.Sprintf("%d:%d", uids[0], gids[0]), true
}

const repack = "pack the archive again with tar --owner=0 --group=0, or COPY it and unpack it in a RUN with tar --no-same-owner. ADD --chown=0:0 does it too, with BuildKit 0.23 or later"

// addPlan unpacks the archive in a stage of its own, and gives the files away
// there. Of what ADD unpacks, --chown gives away nothing before BuildKit 0.23
// (moby/buildkit#1547).
func (j *join) addPlan(in *dockerfile.Instruction, moves []move) layerPlan {
	r := j.plan().recipe
	if r.file == nil {
		return layerPlan{said: repack}
	}
	name := "unpacked"
	for n := 2; r.file.file.Stage(name) != nil || strings.Contains(r.file.file.Text, name); n++ {
		name = fmt.Sprintf("unpacked%d", n)
	}
	stage, edit, ok := r.file.file.Unpack(r.stage, in, name, func(dir string) string { return findIn(dir, moves) })
	if !ok {
		return layerPlan{said: repack}
	}
	from := r.stage.Of(in).From
	j.plan().edit(from, "unpack the archive in a stage of its own", stage)
	j.plan().edit(in, "copy what was unpacked", edit)
	return layerPlan{changed: []*dockerfile.Instruction{from, in}}
}
