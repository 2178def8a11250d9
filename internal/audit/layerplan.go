package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/escape"
)

// layerPlan says what else a layer needs than that numbers change: for the owners
// that come out of archives, of packages, of other images.
func (j *join) layerPlan(layer int) layerPlan {
	groups := j.bad(layer)
	if len(groups) == 0 {
		return layerPlan{}
	}
	if layer < j.base.layers {
		return layerPlan{said: j.baseFix(layer, groups)}
	}
	makers := j.plan().recipe.made[layer]
	if len(makers) == 0 {
		return layerPlan{said: noMaker}
	}
	in := j.maker(layer)
	if in == nil {
		return j.oneOf(makers, groups)
	}
	moves := j.moves(in, groups)
	if len(moves) == 0 {
		return layerPlan{said: j.unrecorded(makers, groups)}
	}
	switch in.Verb {
	case "RUN":
		return j.runPlan(layer, in, moves, groups)
	case "COPY", "ADD":
		return j.copyPlan(layer, in, moves)
	}
	return layerPlan{said: noMaker}
}

// bad are the groups of a layer that something is wrong with.
func (j *join) bad(layer int) (all []*group) {
	for _, g := range j.layers[layer].groups {
		if g.rule != Owner {
			all = append(all, g)
		}
	}
	return all
}

// maker is the instruction that made a layer: of several that can have been it,
// the only one that something points at. It is nil if that is unknown.
func (j *join) maker(layer int) *dockerfile.Instruction {
	makers := j.plan().recipe.made[layer]
	if len(makers) == 1 {
		return makers[0]
	}
	var found *dockerfile.Instruction
	for _, in := range makers {
		if j.likely(in) {
			if found != nil {
				return nil
			}
			found = in
		}
	}
	return found
}

// likely reports whether something points at an instruction as the one that gave
// files of a layer their owner.
func (j *join) likely(in *dockerfile.Instruction) bool {
	if run := j.plan().recipe.Runs[in]; run != nil && (run.Extracts || run.InstallsNPM()) {
		return true
	}
	if in.Verb == "ADD" && addsArchive(in.Rest()) || in.Flag("--from") != "" {
		return true
	}
	return slices.ContainsFunc(j.plan().recipe.Uses, func(u dockerfile.Use) bool {
		return u.In == in && u.Role == dockerfile.Gives && !j.goodUse(u)
	})
}

// oneOf lists what can have made a layer.
func (j *join) oneOf(makers []*dockerfile.Instruction, groups []*group) layerPlan {
	if len(j.moves(nil, groups)) == 0 {
		return layerPlan{said: j.unrecorded(makers, groups)}
	}
	var all []string
	for _, in := range slices.Backward(makers) {
		all = append(all, escape.Line(in.Raw))
	}
	return layerPlan{said: fmt.Sprintf("one of these made the layer, and history does not tell which: %s. In that one, let the last command be: %s",
		strings.Join(all, "; "), j.find(j.moves(nil, groups), groups))}
}

// unrecorded names a COPY, of several instructions that made a layer, whose files
// have an owner that its history does not have: buildah leaves out --chown.
func (j *join) unrecorded(makers []*dockerfile.Instruction, groups []*group) string {
	for _, in := range makers {
		words := strings.Fields(in.Rest())
		if len(makers) < 2 || !isClassic(in.Rest()) || len(words) < 3 || in.Flag("--chown") != "" {
			continue
		}
		dir := strings.Trim(words[len(words)-1], "/")
		for _, g := range groups {
			if !slices.ContainsFunc(g.paths, func(p string) bool { return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") }) {
				continue
			}
			return escape.Line(fmt.Sprintf("probably %s has a --chown, which history does not record: make it --chown=%d:%d",
				in.Raw, j.becomes(g, g.uid, false), j.becomes(g, g.gid, true)))
		}
	}
	return ""
}

// A move gives files of one number another one.
type move struct {
	from, to int64
	group    bool
}

// moves are the numbers of a layer that do not change with those that instructions
// name, since the files get them from elsewhere.
func (j *join) moves(in *dockerfile.Instruction, groups []*group) (all []move) {
	for _, g := range groups {
		if g.mixed || g.uid < 0 || g.gid < 0 {
			all = appendNew(all, move{from: -1})
			continue
		}
		if j.isCulprit(g, g.uid, false) && !j.explained(in, g, g.uid) {
			all = appendNew(all, move{g.uid, j.plan().ids[g.uid], false})
		}
		if j.isCulprit(g, g.gid, true) && !j.explained(in, g, g.gid) {
			all = appendNew(all, move{g.gid, j.plan().ids[g.gid], true})
		}
	}
	return all
}

// explained reports whether files of an ID change with the number that instructions
// name.
func (j *join) explained(in *dockerfile.Instruction, g *group, id int64) bool {
	p := j.plan()
	if len(p.changed[id])+len(p.also[id]) == 0 {
		return false
	}
	if in == nil {
		return true
	}
	r := p.recipe
	switch in.Verb {
	case "RUN":
		run := r.Runs[in]
		if p.late[id] == in {
			return false
		}
		if !isRoot(r.Users[in]) || !run.Extracts && (!run.InstallsNPM() || !g.published()) {
			return true
		}
		return covered(run, g)
	case "ADD":
		return !addsArchive(in.Rest())
	case "COPY":
		if r.file == nil {
			return in.Flag("--chown") != ""
		}
		from := r.file.file.Copied(in)
		return in.Flag("--chown") != "" || from != nil && r.names(from, id)
	}
	return true
}

// covered reports whether a RUN gives all files of a group their number by a chown
// of a folder above them.
func covered(run *dockerfile.Run, g *group) bool {
	for _, c := range run.Chowns {
		for _, p := range c.Paths {
			if dir := strings.TrimRight(p, "/") + "/"; c.Recursive && strings.HasPrefix(p, "/") && strings.HasPrefix("/"+string(g.common)+"/", dir) {
				return true
			}
		}
	}
	return false
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "root" || name == "0"
}

// runPlan has a RUN never give files the owner, or take it back before the layer
// is made.
func (j *join) runPlan(layer int, in *dockerfile.Instruction, moves []move, groups []*group) layerPlan {
	p, run := j.plan(), j.plan().recipe.Runs[in]
	if !isRoot(p.recipe.Users[in]) {
		return layerPlan{said: escape.Line(fmt.Sprintf("%s runs as USER %s, who may not give files away: run it as root, and let its last command be: %s",
			in.Raw, p.recipe.Users[in], j.find(moves, groups)))}
	}
	toRoot := !slices.ContainsFunc(moves, func(m move) bool { return m.to != 0 })
	npm := toRoot && j.isNPM(layer)
	if toRoot && !npm && len(run.Tars) > 0 && !j.layers[layer].mapped.any() {
		var edits []dockerfile.Edit
		for _, t := range run.Tars {
			edits = append(edits, t.Edit())
		}
		p.edit(in, "give tar the option --no-same-owner", edits...)
		return layerPlan{changed: []*dockerfile.Instruction{in}}
	}
	last := j.find(moves, groups)
	if npm && !j.ownedByAccounts(layer) {
		last = "find " + j.modules(layer) + " " + toRootTest
	}
	hint := "let its last command be: " + last
	if e, ok := in.Append(run, last); ok {
		p.edit(in, hint, e)
		return layerPlan{changed: []*dockerfile.Instruction{in}}
	}
	return layerPlan{said: escape.Line("in this same RUN: " + hint)}
}

// isNPM reports whether any files of a layer come out of npm packages.
func (j *join) isNPM(layer int) bool {
	return slices.ContainsFunc(j.bad(layer), func(g *group) bool { return j.cause(layer, g) == CauseNPM })
}

// ownedByAccounts reports whether files of a layer belong to users of the image.
func (j *join) ownedByAccounts(layer int) bool {
	m := &j.layers[layer].mapped
	passwd, _ := final(j.layers, passwdOf)
	users := passwd.ids("etc/group") // the third field only
	return m.more || slices.ContainsFunc(m.uids, func(id int64) bool { return slices.Contains(users, id) })
}

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

// becomes is what the plan makes of a number of a group.
func (j *join) becomes(g *group, id int64, group bool) int64 {
	if j.isCulprit(g, id, group) {
		return j.plan().ids[id]
	}
	return id
}

const noMaker = "give these files a mapped owner in the instruction or tool that made this layer, e.g. chown -h 0:0; what comes later does not help"

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
