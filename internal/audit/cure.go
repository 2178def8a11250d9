package audit

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/escape"
)

// A Change is what to write in the place of one instruction.
type Change struct {
	// Lines are those of the Dockerfile, 0 if it is not at hand.
	Start int `json:"start,omitempty"`
	End   int `json:"end,omitempty"`
	// Old is the instruction as it is written, or as history has it, and New what
	// to write instead, "" if history has too little of it. They can have several
	// lines.
	Old string `json:"old"`
	New string `json:"new,omitempty"`
	// Note is what else to see to, or what to change if there is no New.
	Note string `json:"note,omitempty"`

	// Hints say the same in words.
	Hints []string `json:"-"`
	// Own: it is the instruction of the finding's layer.
	Own bool `json:"-"`
}

func numberHint(old, id int64) string { return fmt.Sprintf("write %d in place of %d", id, old) }

// cure fills in what changes a finding needs for some IDs.
func (j *join) cure(f *Finding, l layerPlan, ids ...int64) {
	p := j.plan()
	changed := slices.Clone(l.changed)
	var also []string
	for _, id := range ids {
		for _, in := range p.changed[id] {
			changed = appendNew(changed, in)
		}
		for _, a := range p.also[id] {
			also = appendNew(also, a)
		}
	}
	var own *dockerfile.Instruction
	if f.Layer >= 0 {
		own = j.maker(f.Layer)
	}
	slices.SortStableFunc(changed, func(a, b *dockerfile.Instruction) int { return cmp.Compare(p.order(a), p.order(b)) })
	for _, in := range changed {
		f.Changes = append(f.Changes, p.change(in, in == own))
	}
	if l.said != "" {
		also = append(also, l.said)
	}
	if j.cached(own, changed) {
		also = append(also, "build with --no-cache: BuildKit of Docker 20.10 takes a COPY --from out of its cache if nothing but owners changed")
	}
	f.Also, f.Fix = also, fixText(f.Changes, also)
}

// cached reports whether a builder that is known to look at the contents of files alone would
// not see that a stage which own copies from changes.
func (j *join) cached(own *dockerfile.Instruction, changed []*dockerfile.Instruction) bool {
	v, known := dockerd.ParseVersion(j.opt.Engine)
	if !known || v.AtLeast(23) || own == nil || own.Verb != "COPY" || own.Flag("--from") == "" || slices.Contains(changed, own) {
		return false
	}
	return len(changed) > 0 && slices.ContainsFunc(j.history, func(s step) bool { return s.kit })
}

// order is where an instruction is.
func (p *plan) order(in *dockerfile.Instruction) int {
	if in.Start > 0 {
		return in.Start
	}
	return slices.Index(p.recipe.all, in)
}

func (p *plan) change(in *dockerfile.Instruction, own bool) Change {
	c := Change{Start: in.Start, End: in.End, Old: in.Raw, New: in.Apply(p.edits[in]), Hints: p.hints[in], Own: own}
	switch {
	case isClassic(in.Rest()):
		c.New, c.Note = "", strings.Join(c.Hints, ", and ")
	case p.recipe.file != nil || !p.recipe.kit[in]:
	case in.Verb == "RUN":
		c.Note = "keep its --mount flags, if it has any"
	case in.Verb == "COPY":
		c.Note = "keep its --from flag, if it has one"
	case in.Verb == "ARG":
		c.Note = "or the same with --build-arg, if it was given so"
	}
	return c
}

// isClassic reports whether a COPY or ADD is as the classic builder's history has
// it, with sums in the place of names.
func isClassic(rest string) bool {
	return strings.HasPrefix(rest, "file:") || strings.HasPrefix(rest, "dir:") || strings.HasPrefix(rest, "multi:")
}

// fixText puts a finding's cure on one line.
func fixText(changes []Change, also []string) string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Text())
	}
	return strings.Join(append(all, also...), "; ")
}

var continued = regexp.MustCompile("[\\\\`]\n[ \t]*")

// Text is a change on one line.
func (c Change) Text() string {
	text, whole := c.paste()
	switch {
	case c.Start > 0 && !c.Own:
		text = fmt.Sprintf("line %d: %s", c.Start, text)
	case c.Start == 0 && !c.Own && whole:
		text += ", in place of " + c.Old
	}
	if c.Note != "" && whole {
		text = c.Note + ": " + text
	}
	return escape.Line(text)
}

// Paste is the new instruction if it can be on one line, and otherwise what to
// change in the old one.
func (c Change) Paste() string {
	text, _ := c.paste()
	return escape.Line(text)
}

func (c Change) paste() (text string, whole bool) {
	line := oneLine(c.New)
	if line != "" && !strings.Contains(line, " #") && escape.Safe(line) {
		return line, true
	}
	verb, _, _ := strings.Cut(c.Old, " ")
	verb = "this same " + verb
	if !c.Own && c.Start == 0 {
		verb = oneLine(c.Old)
	}
	return "in " + verb + ": " + strings.Join(c.Hints, ", and "), false
}

func oneLine(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(continued.ReplaceAllString(s, " "), "\t", " "))
}

// cureAccounts: accounts change with the numbers that instructions make them with.
func (j *join) cureAccounts(f *Finding, name string, data []byte) {
	var ids []int64
	for _, id := range (&accountFile{data: data}).ids(name) {
		if !j.gid.kernel(id) || !j.uid.kernel(id) {
			ids = append(ids, id)
		}
	}
	j.cure(f, layerPlan{}, ids...)
	if f.Fix == "" {
		f.Fix = fmt.Sprintf("give these accounts IDs below %d where they are made (useradd -u, groupadd -g); files of theirs in any layer keep it from registering", j.gentle())
	}
}

// plainImage is the name of an image, and nothing more.
var plainImage = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)

// baseFix tells whom to ask, and how to go on without them.
func (j *join) baseFix(layer int, groups []*group) string {
	name, made := j.base.name, ""
	if !plainImage.MatchString(name) { // a label says it, or the archive
		name = "BASE"
	}
	if s := j.step(layer); s.text != "" {
		made = ", by " + s.text
	}
	return escape.Line(fmt.Sprintf("the base image %s has these files%s: take a release without them or ask its maintainers. "+
		"Or flatten it, on an engine without userns-remap: FROM %s AS base, RUN %s, FROM scratch, COPY --from=base / /, and repeat its ENV, USER and CMD",
		name, made, name, j.find(j.moves(nil, groups), groups)))
}

// folder is a directory of the image as an absolute path. One that cannot be
// written on a line, it leaves for the one above.
func folder(dir string) string {
	for dir != "" && !escape.Safe(dir) {
		dir = string(parent([]byte(dir)))
	}
	return "/" + dir
}
