package dockerfile

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Analysis is what the instructions of an image say of users and groups.
type Analysis struct {
	Uses []Use
	Runs map[*Instruction]*Run
	// Users is the USER that each instruction runs as, "" for root by default.
	Users map[*Instruction]string
}

// scene is what instructions leave to those after them.
type scene struct {
	*Analysis
	vars map[string]text // ENV and ARG
	args map[string]bool // of vars, those that are arguments
	user string
}

// Analyze follows the instructions of a history.
func Analyze(all []*Instruction, user string) *Analysis {
	s := newScene(user)
	s.follow(all, nil)
	return s.Analysis
}

// Analyze follows the instructions of a stage, and of the stages that it is built
// on. User is that of the base image, and args are the build arguments that an
// image of the stage is known to be made with.
func (f *File) Analyze(stage *Stage, user string, args map[string]string) *Analysis {
	s := newScene(user)
	global := map[string]text{}
	for _, in := range f.args {
		for _, v := range s.assignments(in) {
			global[v.name] = v.text
		}
	}
	for name, v := range global {
		if now, ok := args[name]; ok && now != v.s {
			global[name] = given(name, now)
		}
	}
	var stages []*Stage
	for on := stage; on != nil; on = on.On {
		stages = append([]*Stage{on}, stages...)
	}
	for _, on := range stages {
		for name := range s.args {
			delete(s.vars, name)
		}
		s.args = map[string]bool{}
		s.follow(on.Instructions, &buildArgs{global, args})
	}
	return s.Analysis
}

// buildArgs are the arguments before the first FROM, and those that were given.
type buildArgs struct {
	global map[string]text
	given  map[string]string
}

func newScene(user string) *scene {
	return &scene{
		Analysis: &Analysis{Runs: map[*Instruction]*Run{}, Users: map[*Instruction]string{}},
		vars:     map[string]text{}, args: map[string]bool{}, user: user,
	}
}

func (s *scene) follow(all []*Instruction, args *buildArgs) {
	for _, in := range all {
		s.Users[in] = s.user
		switch in.Verb {
		case "ARG":
			s.arg(in, args)
		case "ENV":
			for _, v := range s.assignments(in) {
				s.vars[v.name] = v.text
				delete(s.args, v.name)
				s.shell(in).named(v.name, v.text)
			}
		case "USER":
			spec := s.expand(in, in.body)
			s.shell(in).owner(spec, Runs)
			s.user = spec.s
		case "COPY", "ADD":
			s.copies(in)
		case "RUN":
			s.runs(in)
		case "CMD", "ENTRYPOINT":
			s.shell(in).argv(in.list)
		}
	}
}

func (s *scene) copies(in *Instruction) {
	for _, flag := range in.flags {
		if rest, ok := strings.CutPrefix(flag.s, "--chown="); ok {
			value := flag.slice(len(flag.s)-len(rest), len(flag.s))
			s.shell(in).owner(s.expand(in, value), Gives)
		}
	}
}

// variables are those of an image, and what the commands of one instruction make of
// them. They are not copied for each: an image can have as many instructions.
type variables struct{ image, own map[string]text }

func (v variables) get(name string) (text, bool) {
	if t, ok := v.own[name]; ok {
		return t, true
	}
	t, ok := v.image[name]
	return t, ok
}

// shell is one for the commands of an instruction, with its variables.
func (s *scene) shell(in *Instruction) shell {
	return shell{in: in, vars: variables{s.vars, map[string]text{}}, run: &Run{}, uses: &s.Uses, words: new(int)}
}

// arg notes a build argument: what was given for it, otherwise its default, otherwise
// the one from before the first FROM.
func (s *scene) arg(in *Instruction, args *buildArgs) {
	for _, v := range s.assignments(in) {
		now, ok := "", false
		if args != nil {
			if now, ok = args.given[v.name]; !v.set {
				v.text, v.set = args.global[v.name], true
			}
		}
		if ok && now != v.s {
			v.text = given(v.name, now)
		}
		if _, env := s.vars[v.name]; env && !s.args[v.name] {
			continue // ENV wins
		}
		s.vars[v.name], s.args[v.name] = v.text, true
		s.shell(in).named(v.name, v.text)
	}
}

// assigned is NAME=VALUE of an ARG or ENV.
type assigned struct {
	name string
	text
	set bool
}

// assignments reads an ARG or ENV: NAME=VALUE, several of them, or NAME VALUE.
func (s *scene) assignments(in *Instruction) (all []assigned) {
	sh := s.shell(in)
	for _, w := range sh.fields(in.body) {
		name, _, ok := strings.Cut(w.s, "=")
		switch {
		case ok:
			all = append(all, assigned{name, w.slice(len(name)+1, len(w.s)), true})
		case in.Verb == "ARG":
			all = append(all, assigned{name: w.s})
		default:
			value := trimText(in.body.slice(len(w.s), len(in.body.s)))
			return []assigned{{w.s, s.expand(in, value), true}}
		}
	}
	return all
}

// expand is a value with its variables and quotes resolved.
func (s *scene) expand(in *Instruction, value text) text {
	words := s.shell(in).fields(value)
	if len(words) != 1 {
		return value
	}
	return words[0].text
}

// fields are the words of a line of a Dockerfile. What the shell would take for
// an operator is none there: such a line gives none.
func (s shell) fields(line text) (all []arg) {
	if len(line.s) > maxScript {
		return nil
	}
	err := syntax.NewParser().Words(strings.NewReader(line.s), func(w *syntax.Word) bool {
		all = append(all, arg{text: s.word(w, line)})
		return true
	})
	if err != nil {
		return nil
	}
	return all
}

// argv follows a command in JSON form.
func (s shell) argv(list []text) {
	var args []arg
	for _, t := range list {
		args = append(args, arg{text: t})
	}
	s.command(args)
}

// runs follows the commands of a RUN.
func (s *scene) runs(in *Instruction) {
	sh := s.shell(in)
	for name, value := range in.Args {
		if v, ok := s.vars[name]; !ok || v.s != value {
			sh.vars.own[name] = given(name, value)
		}
	}
	run := sh.run
	s.Runs[in] = run
	switch {
	case in.list != nil:
		sh.argv(in.list)
		run.tail = in.listTail(in.list)
	case len(in.docs) > 0 && onlyDoc(in.body.s):
		sh.script(in.docs[0].content)
		run.tail = tail{at: in.docs[0].end, style: newLine}
	default:
		src := in.body
		for _, d := range in.docs {
			src = src.add(nowhere("\n")).add(d.content).add(nowhere(d.name + "\n"))
		}
		run.tail = shellTail(in, sh.script(src), src)
	}
	s.mounts(in, run)
}

// onlyDoc reports whether a RUN has nothing but a here-document, which is its script.
func onlyDoc(body string) bool {
	return strings.HasPrefix(body, "<<") && len(strings.Fields(body)) == 1
}

// mounts: what a RUN takes from a mount can have any owner.
func (s *scene) mounts(in *Instruction, run *Run) {
	if run.Has("cp", "mv") {
		for _, f := range in.Flags {
			run.Extracts = run.Extracts || strings.HasPrefix(f, "--mount=") && strings.Contains(f, "from=")
		}
	}
}

// Sources are the stages that a stage copies files from, and those that they copy
// from, as far as they are in the file.
func (f *File) Sources(stage *Stage) (all []*Analysis) {
	seen := map[*Stage]bool{}
	for on := stage; on != nil; on = on.On {
		seen[on] = true
	}
	var add func(*Stage)
	add = func(s *Stage) {
		for _, in := range s.Chain() {
			from := f.Copied(in)
			if from != nil && !seen[from] {
				seen[from] = true
				all = append(all, f.Analyze(from, "", nil))
				add(from)
			}
		}
	}
	add(stage)
	return all
}

// Copied is the stage that a COPY takes its files from, nil if it is none of this
// file.
func (f *File) Copied(in *Instruction) *Stage {
	if in.Verb != "COPY" {
		return nil
	}
	return f.source(in.Flag("--from"))
}
