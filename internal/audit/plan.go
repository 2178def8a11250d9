package audit

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
)

// plan is how an image is cured, all of it at once: which ID becomes which, where
// each number is written, and what instructions do further. Every cure of a
// finding is a part of it, so that no two of them contradict each other.
type plan struct {
	recipe *recipe
	// ids are the new numbers of those that instructions name. What no instruction
	// names was recorded in an archive, and becomes root's.
	ids map[int64]int64
	// changed are the instructions that change for a number.
	changed map[int64][]*dockerfile.Instruction
	edits   map[*dockerfile.Instruction][]dockerfile.Edit
	hints   map[*dockerfile.Instruction][]string // the edits, in words
	also    map[int64][]string                   // what else an ID needs, in words
	late    map[int64]*dockerfile.Instruction    // the RUN that changes its account last
	layers  []layerPlan
}

// layerPlan is what cures those files of a layer that no instruction gives a
// number of its own.
type layerPlan struct {
	changed []*dockerfile.Instruction
	said    string // what to do, if no instruction can be changed
}

// plan is made when something needs a cure.
func (j *join) plan() *plan {
	if j.cured == nil {
		j.cures()
	}
	return j.cured
}

// cures makes the plan.
func (j *join) cures() {
	p := &plan{
		recipe: j.recipe(), ids: map[int64]int64{}, changed: map[int64][]*dockerfile.Instruction{},
		edits: map[*dockerfile.Instruction][]dockerfile.Edit{}, hints: map[*dockerfile.Instruction][]string{},
		also: map[int64][]string{}, late: map[int64]*dockerfile.Instruction{}, layers: make([]layerPlan, len(j.layers)),
	}
	j.cured = p
	uses, accounts := j.uses(p.recipe), j.unnamed(p.recipe)
	p.number(j, uses, accounts)
	for _, u := range uses {
		if u.Role == dockerfile.Bounds {
			p.bound(u, min(lastUser, j.gentle()-1))
			continue
		}
		p.renumber(u)
	}
	p.accounts(j, accounts)
	for i := range j.layers {
		p.layers[i] = j.layerPlan(i)
	}
}

// uses are the numbers of the instructions that the map does not take, and of
// stages that files are copied from those that came along.
func (j *join) uses(r *recipe) (bad []dockerfile.Use) {
	for _, u := range r.Uses {
		if !j.goodUse(u) {
			bad = append(bad, u)
		}
	}
	if r.file == nil {
		return bad
	}
	found := j.found()
	for _, a := range r.file.file.Sources(r.stage) {
		for _, u := range a.Uses {
			if !j.goodUse(u) && found[u.ID] {
				bad = append(bad, u)
			}
		}
	}
	return bad
}

func (j *join) goodUse(u dockerfile.Use) bool {
	if u.Group {
		return j.gid.good(u.ID)
	}
	return j.uid.good(u.ID)
}

// found are the bad numbers of files.
func (j *join) found() map[int64]bool {
	all := map[int64]bool{}
	for _, l := range j.layers {
		for _, g := range l.groups {
			for _, id := range j.offenders(g) {
				all[id] = true
			}
		}
	}
	return all
}

// number chooses the new numbers. Accounts get those that a new image would have.
func (p *plan) number(j *join, uses []dockerfile.Use, accounts []account) {
	found := j.found()
	var ids []int64
	for _, u := range uses {
		named := u.Role != dockerfile.Looks && u.Role != dockerfile.Bounds && (u.Role != dockerfile.Names || found[u.ID])
		if named && (u.Def != nil && !p.recipe.base[u.Def] || u.Arg != "") {
			ids = append(ids, u.ID)
		}
	}
	for _, a := range accounts {
		if a.uid >= 0 && !j.uid.kernel(a.uid) {
			ids = append(ids, a.uid)
		}
		if !j.gid.kernel(a.gid) {
			ids = append(ids, a.gid)
		}
	}
	ids = append(ids, j.badUser(p.recipe.baseUser)...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	slices.Reverse(ids)
	shared, _ := j.numbers(p.recipe.Uses, Given{}) // what is not in it gets none here either
	free := j.free(p.recipe.Uses)
	for _, to := range shared {
		free.taken[to] = true
	}
	for _, id := range ids {
		to, ok := shared[id]
		if !ok {
			to, ok = free.take()
		}
		if ok {
			p.ids[id] = to
		}
	}
}

// badUser are the numbers of a USER that no process can have.
func (j *join) badUser(spec string) (bad []int64) {
	name, group, _ := strings.Cut(spec, ":")
	if uid, err := strconv.ParseInt(name, 10, 64); err == nil && !j.uid.kernel(uid) {
		bad = append(bad, uid)
	}
	if gid, err := strconv.ParseInt(group, 10, 64); err == nil && !j.gid.kernel(gid) {
		bad = append(bad, gid)
	}
	return bad
}

// taken are numbers that the image has already.
func (j *join) taken() map[int64]bool {
	all := map[int64]bool{}
	for _, l := range j.layers {
		for i, word := range l.mapped.near {
			for ; word != 0; word &= word - 1 {
				all[int64(nearLow+i*64+bits.TrailingZeros64(word))] = true
			}
		}
		for name, f := range map[string]*accountFile{"etc/passwd": &l.passwd, "etc/group": &l.group} {
			for _, id := range f.ids(name) {
				all[id] = true
			}
		}
	}
	return all
}

// renumber writes the new number for one use. If it looks for files that an
// archive brings, the number stays.
func (p *plan) renumber(u dockerfile.Use) {
	id, ok := p.ids[u.ID]
	if !ok {
		return
	}
	if run := p.recipe.Runs[u.In]; u.Role == dockerfile.Looks && run != nil && (run.Extracts || run.InstallsNPM()) {
		return
	}
	if u.Arg != "" {
		p.also[u.ID] = appendNew(p.also[u.ID], fmt.Sprintf("build with --build-arg %s=%d", u.Arg, id))
		return
	}
	if e, ok := u.Renumber(id); ok && !p.recipe.base[u.Def] {
		p.edits[u.Def] = append(p.edits[u.Def], e)
		p.hint(u.Def, numberHint(u.ID, id))
		p.changed[u.ID] = appendNew(p.changed[u.ID], u.Def)
	}
}

// lastUser is the highest number of an account where nothing else is said (login.defs(5)).
const lastUser = 60000

// bound writes a bound that the new numbers are below.
func (p *plan) bound(u dockerfile.Use, to int64) {
	if e, ok := u.Renumber(to); ok && !p.recipe.base[u.Def] {
		p.edit(u.Def, numberHint(u.ID, to), e)
	}
}

func (p *plan) hint(in *dockerfile.Instruction, text string) {
	p.hints[in] = appendNew(p.hints[in], text)
}

// edit notes a change of an instruction.
func (p *plan) edit(in *dockerfile.Instruction, hint string, edits ...dockerfile.Edit) {
	p.edits[in] = append(p.edits[in], edits...)
	p.hint(in, hint)
}

func appendNew[T comparable](all []T, v T) []T {
	if slices.Contains(all, v) {
		return all
	}
	return append(all, v)
}
