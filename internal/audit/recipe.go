package audit

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
)

// recipe is how an image was made: by the instructions of the Dockerfile if it was
// given and fits, otherwise by those of the image's history.
type recipe struct {
	*dockerfile.Analysis
	file  *Dockerfile // nil if it is from history
	stage *dockerfile.Stage
	all   []*dockerfile.Instruction
	// made are the instructions that can have made each layer, the one first that
	// history has for it.
	made     [][]*dockerfile.Instruction
	kit      map[*dockerfile.Instruction]bool // history leaves out some of its flags
	base     map[*dockerfile.Instruction]bool // it is of the base image
	baseUser string                           // the USER of the base image
	// named are the IDs that stages give files which others copy from.
	named map[*dockerfile.Stage]map[int64]bool
}

// recipe joins what is known of how the image was made.
func (j *join) recipe() *recipe {
	if r := j.fromFile(); r != nil {
		return r
	}
	r := &recipe{
		made: make([][]*dockerfile.Instruction, len(j.layers)),
		kit:  map[*dockerfile.Instruction]bool{}, base: map[*dockerfile.Instruction]bool{},
	}
	list := false
	for _, s := range j.history {
		list = list || s.verb == "SHELL"
		in := s.instruction(list)
		r.all = append(r.all, in)
		r.kit[in] = s.kit
	}
	if b := j.base.layers; b > 0 && len(r.all) > 0 {
		for _, in := range r.all[:j.record[b-1]+1] {
			r.base[in] = true
		}
		r.trailing(j, b)
	}
	for i := range r.made {
		if len(r.all) > 0 {
			r.made[i] = r.makers(j, i, r.all)
		}
	}
	r.Analysis = dockerfile.Analyze(r.all, "")
	for _, in := range r.all {
		if r.base[in] && in.Verb == "USER" {
			r.baseUser = in.Rest()
		}
	}
	return r
}

// trailing notes what of history belongs to a base image beyond its last layer:
// what is up to its CMD or ENTRYPOINT.
func (r *recipe) trailing(j *join, layers int) {
	first, next := j.record[layers-1]+1, len(r.all)
	if layers < len(j.record) {
		next = j.record[layers]
	}
	for end := next; end > first; end-- {
		if v := r.all[end-1].Verb; v == "CMD" || v == "ENTRYPOINT" {
			for _, in := range r.all[first:end] {
				r.base[in] = true
			}
			return
		}
	}
}

// names reports whether instructions that make a stage name an ID.
func (r *recipe) names(stage *dockerfile.Stage, id int64) bool {
	if r.named[stage] == nil {
		if r.named == nil {
			r.named = map[*dockerfile.Stage]map[int64]bool{}
		}
		r.named[stage] = map[int64]bool{}
		for _, u := range r.file.file.Analyze(stage, "", nil).Uses {
			if u.Role != dockerfile.Looks && u.Role != dockerfile.Bounds && u.Def != nil {
				r.named[stage][u.ID] = true
			}
		}
	}
	return r.named[stage][id]
}

// instruction is a step as an instruction. A shell that SHELL did not set was
// written as ["bash", "-c", …].
func (s step) instruction(shellSet bool) *dockerfile.Instruction {
	body := s.rest
	if s.verb == "" {
		body = s.text
	}
	if s.shell != "" && !shellSet && !strings.Contains(body, "\n") && !strings.HasPrefix(s.shell, "cmd ") && !strings.HasPrefix(s.shell, "powershell ") {
		list := append(strings.Fields(s.shell), body)
		if raw, err := json.Marshal(list); err == nil {
			body = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">", `","`, `", "`).Replace(string(raw))
		}
	}
	return dockerfile.New(s.verb, body, s.args)
}

// makers are the instructions that can have made a layer. Some builders make one
// layer of several instructions, and history has it at the last.
func (r *recipe) makers(j *join, layer int, at []*dockerfile.Instruction) []*dockerfile.Instruction {
	record, first := j.record[layer], 0
	if layer > 0 {
		first = j.record[layer-1] + 1
	}
	verb := j.history[record].verb
	several := j.history[record].whole || verb != "" && verb != "WORKDIR" && !makesLayer(verb)
	var all []*dockerfile.Instruction
	if makesLayer(verb) || !several {
		all = appendSet(all, at[record])
	}
	for i := record - 1; i >= first; i-- {
		if makesLayer(j.history[i].verb) {
			several = several || j.history[i].verb == "COPY" || j.history[i].verb == "ADD"
			all = appendSet(all, at[i])
		}
	}
	if !several {
		return all[:min(1, len(all))] // a RUN that changed nothing
	}
	return all
}

// makesLayer reports whether an instruction can change files. WORKDIR only makes a
// folder.
func makesLayer(verb string) bool { return verb == "RUN" || verb == "COPY" || verb == "ADD" }

func appendSet(all []*dockerfile.Instruction, in *dockerfile.Instruction) []*dockerfile.Instruction {
	if in == nil {
		return all
	}
	return append(all, in)
}

// between adds the instructions of the Dockerfile that history does not have at
// all: kaniko's only has the last of those that made a layer.
func (r *recipe) between(before, last *dockerfile.Instruction, known map[*dockerfile.Instruction]bool) (all []*dockerfile.Instruction) {
	from := slices.Index(r.all, before)
	for i := slices.Index(r.all, last) - 1; i > from; i-- {
		if in := r.all[i]; makesLayer(in.Verb) && !known[in] {
			all = append(all, in)
		}
	}
	return all
}

// fromFile is the recipe of the Dockerfile, nil if there is none that fits.
func (j *join) fromFile() *recipe {
	if j.file == nil || len(j.history) == 0 {
		return nil
	}
	d := j.file
	at, stage, base := d.find(j.digests(), j.history, j.record, j.base.layers)
	if stage == nil {
		return nil
	}
	r := &recipe{
		file: d, stage: stage, all: stage.Chain(), made: make([][]*dockerfile.Instruction, len(j.layers)),
		kit: map[*dockerfile.Instruction]bool{}, base: map[*dockerfile.Instruction]bool{},
	}
	if !stage.Root().Names("scratch") {
		j.base.layers = max(j.base.layers, base)
	}
	known := map[*dockerfile.Instruction]bool{}
	for _, in := range at {
		known[in] = true
	}
	var before *dockerfile.Instruction
	for i := j.base.layers; i < len(r.made); i++ {
		r.made[i] = r.makers(j, i, at)
		if len(r.made[i]) > 0 && len(j.history) < len(r.all) {
			last := r.made[i][0]
			r.made[i] = append(r.made[i], r.between(before, last, known)...)
			before = last
		}
	}
	args := map[string]string{}
	maps.Copy(args, d.args)
	for i, s := range j.history {
		for name, value := range s.args {
			if at[i] != nil {
				args[name] = value
			}
		}
	}
	r.baseUser = j.baseUser(at, r.all)
	r.Analysis = d.file.Analyze(stage, r.baseUser, args)
	return r
}

// baseUser is the USER of the base image: the last one in history before the
// records of the Dockerfile's own instructions.
func (j *join) baseUser(at, chain []*dockerfile.Instruction) (user string) {
	own := len(j.history)
	for i, in := range at {
		if in == nil {
			continue
		}
		for k := 0; k < len(chain) && chain[k] != in; k++ {
			i--
		}
		own = max(0, i)
		break
	}
	for _, s := range j.history[:own] {
		if s.verb == "USER" {
			user = s.rest
		}
	}
	return user
}
