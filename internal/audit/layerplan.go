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
	if run := j.plan().recipe.Runs[in]; len(makers) > 1 && run != nil && !run.Extracts && !run.InstallsNPM() {
		// That the RUN names some of the numbers is no sign that it brought the others.
		return j.oneOf(makers, slices.DeleteFunc(groups, func(g *group) bool { return len(j.moves(in, []*group{g})) == 0 }))
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
	if said := j.unrecorded(makers, groups); said != "" || len(j.moves(nil, groups)) == 0 {
		return layerPlan{said: said}
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

const noMaker = "give these files a mapped owner in the instruction or tool that made this layer, e.g. chown -h 0:0; what comes later does not help"
