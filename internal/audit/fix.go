package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

const (
	// numberHint is for a command that cannot be put on one line.
	numberHint = "give the account a number that is mapped, e.g. 10001"
	toRoot     = `\( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`
)

// cure gives a group its cause, and what to write instead of the instruction.
// What was merely asked for needs none.
func (j *join) cure(layer int, g *group) (Cause, string) {
	cause := j.cause(layer, g)
	if g.rule == Owner {
		return cause, ""
	}
	return cause, j.fix(cause, layer, g)
}

func (j *join) fix(cause Cause, layer int, g *group) string {
	s := j.steps[layer]
	switch {
	case cause == CauseBase:
		return j.baseFix(s, g)
	case cause == CauseUseradd:
		return j.useraddFix(layer, g)
	case s.verb == "RUN":
		return j.runFix(cause, layer, g)
	case s.verb == "COPY" || s.verb == "ADD":
		return copyFix(cause, s)
	}
	return "give these files a mapped owner in the instruction or tool that made this layer, e.g. chown -h 0:0; what comes later does not help"
}

// runFix is the RUN with a command that never gives files the owner, or takes it
// back before the layer is made.
func (j *join) runFix(cause Cause, layer int, g *group) string {
	old := j.steps[layer].rest
	if cause == CauseChown {
		if command, ok := j.renumber(old, j.numbers(layer, j.culprits(g))); ok {
			return paste(command, "give the files a number that is mapped, e.g. 10001")
		}
	}
	if cause == CauseTar || cause == CauseCygwin {
		if command, ok := noSameOwner(old); ok {
			return paste(command, "give tar the option --no-same-owner")
		}
	}
	last := j.find(j.together(layer, g))
	if cause == CauseNPM {
		last = "find " + j.modules(layer) + " " + toRoot
	}
	return paste(strings.TrimRight(old, "; \t\n&")+" && "+last, "let its last command be: "+last)
}

// modules are the node_modules folders of a layer that packages' owners are in.
func (j *join) modules(layer int) string {
	var roots []string
	for _, other := range j.layers[layer].groups {
		roots = append(roots, other.roots...)
	}
	slices.Sort(roots)
	roots = slices.Compact(roots)
	if len(roots) == 0 || len(roots) > maxRoots {
		return quote(common(j.layers[layer].groups))
	}
	for i, r := range roots {
		roots[i] = quote(folder(r))
	}
	return strings.Join(slices.Compact(roots), " ")
}

// common is the deepest directory that holds all the offenders of some groups.
func common(groups []*group) string {
	dir := groups[0].common
	for _, g := range groups[1:] {
		dir = dir[:shared(dir, g.common)]
	}
	return folder(string(dir))
}

// maxTogether bounds how long a find becomes.
const maxTogether = 8

// together are the groups of a layer that one find cures: all of them, unless
// they are many, or g alone.
func (j *join) together(layer int, g *group) []*group {
	var all []*group
	for _, other := range j.layers[layer].groups {
		switch {
		case other.rule == Owner:
		case !other.plain() || len(all) == maxTogether:
			return []*group{g}
		default:
			all = append(all, other)
		}
	}
	return all
}

// plain says that find can look for the group's owner.
func (g *group) plain() bool { return !g.mixed && g.uid >= 0 && g.gid >= 0 }

// find is a command that gives the files of some owners to root. No mount is entered.
func (j *join) find(groups []*group) string {
	var tests []string
	add := func(test string) {
		if !slices.Contains(tests, test) {
			tests = append(tests, test)
		}
	}
	for _, g := range groups {
		if j.isCulprit(g, g.uid, false) {
			add(fmt.Sprintf("-user %d", g.uid))
		}
		if j.isCulprit(g, g.gid, true) {
			add(fmt.Sprintf("-group %d", g.gid))
		}
	}
	where := quote(common(groups)) + " -xdev"
	if !groups[0].plain() {
		return "find " + where + " " + toRoot
	}
	return "find " + where + ` \( ` + strings.Join(tests, " -o ") + ` \) -exec chown -h 0:0 {} +`
}

func (j *join) isCulprit(g *group, id int64, group bool) bool {
	space := &j.uid
	if group {
		space = &j.gid
	}
	return g.rule != Owner && space.fate(id) != idmap.Mapped
}

// numbers are ids, and the other culprits of a layer: one command in place of the
// old one cures them all.
func (j *join) numbers(layer int, ids []int64) []int64 {
	all := slices.Clone(ids)
	for _, g := range j.layers[layer].groups {
		if g.rule != Owner && !g.mixed {
			all = append(all, j.culprits(g)...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	slices.Reverse(all) // they are replaced from 10001 downwards
	return all
}

// useraddFix rewrites the RUN that makes the account, which can be in a lower layer.
func (j *join) useraddFix(layer int, g *group) string {
	at := j.madeBefore(layer, g)
	command, ok := j.renumber(j.steps[at].rest, j.numbers(at, j.culprits(g)))
	if !ok {
		return escape.Line("give the account a number that is mapped where it is made: " + j.steps[at].text)
	}
	if at == layer {
		return paste(command, numberHint)
	}
	return fmt.Sprintf("the account is made in layer %d of %d: ", at+1, len(j.steps)) + paste(command, numberHint)
}

var useraddWord = regexp.MustCompile(`\buseradd\s+`)

// renumber gives a command mapped numbers in place of ids, from 10001 on where
// the map goes so far: above what distributions give away, below nobody. Useradd
// makes no lastlog entry then, whose sparse file grows with the number.
func (j *join) renumber(command string, ids []int64) (string, bool) {
	next, changed := min(10001, j.gentle()-1), false
	for _, id := range ids {
		for next > 0 && (!j.uid.good(next) || !j.gid.good(next) || hasNumber(command, next)) {
			next--
		}
		if next <= 0 || !hasNumber(command, id) {
			continue
		}
		command, changed = replaceNumber(command, strconv.FormatInt(id, 10), strconv.FormatInt(next, 10)), true
		next--
	}
	if changed && useraddWord.MatchString(command) && !strings.Contains(command, " -l ") && !strings.Contains(command, "--no-log-init") {
		command = useraddWord.ReplaceAllString(command, "useradd -l ")
	}
	return command, changed
}

func replaceNumber(s, old, new string) string {
	for i := numberIndex(s, old, 0); i >= 0; i = numberIndex(s, old, i+len(new)) {
		s = s[:i] + new + s[i+len(old):]
	}
	return s
}

var chownFlag = regexp.MustCompile(`--chown=\S+\s*`)

// copyFix gives COPY or ADD the owner root. The classic builder's history has no
// names of sources, and BuildKit's none of stages, so what is known is given. Of
// what ADD unpacks, --chown gives away nothing before BuildKit 0.23 (moby/buildkit#1547).
func copyFix(cause Cause, s step) string {
	bare := chownFlag.ReplaceAllString(s.rest, "")
	classic := strings.HasPrefix(bare, "file:") || strings.HasPrefix(bare, "dir:") || strings.HasPrefix(bare, "multi:")
	with := s.verb + " --chown=0:0 " + bare
	switch {
	case cause == CauseAdd:
		return "pack the archive again with tar --owner=0 --group=0, or COPY it and unpack it in a RUN with tar --no-same-owner. ADD --chown=0:0 does it too, with BuildKit 0.23 or later"
	case classic && bare != s.rest:
		return escape.Line(fmt.Sprintf("make it --chown=0:0 in this %s: %s", s.verb, s.text))
	case classic:
		return escape.Line(fmt.Sprintf("add --chown=0:0 to this %s: %s", s.verb, s.text))
	case s.verb == "COPY":
		return escape.Line("with its --from, if it has one: " + with)
	}
	return escape.Line(with)
}

// baseFix tells whom to ask, and how to go on without them.
func (j *join) baseFix(s step, g *group) string {
	name, made := j.base.name, ""
	if name == "" {
		name = "BASE"
	}
	if s.text != "" {
		made = ", by " + s.text
	}
	return escape.Line(fmt.Sprintf("the base image %s has these files%s: take a release without them or ask its maintainers. "+
		"Or flatten it, on an engine without userns-remap: FROM %s AS base, RUN %s, FROM scratch, COPY --from=base / /, and repeat its ENV, USER and CMD",
		name, made, name, j.find([]*group{g})))
}

// paste is a whole RUN on one line. Where the command has lines or comments of
// its own it cannot be on one, and the hint says what to change in it.
func paste(command, hint string) string {
	command = strings.ReplaceAll(command, "\t", " ")
	if !escape.Safe(command) || strings.Contains(command, " #") {
		return escape.Line("in this same RUN: " + hint)
	}
	return "RUN " + command
}

var safe = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote is a word for sh.
func quote(s string) string {
	if safe.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// folder is a directory of the image as an absolute path. One that cannot be
// written on a line, it leaves for the one above.
func folder(dir string) string {
	for dir != "" && !escape.Safe(dir) {
		dir = string(parent([]byte(dir)))
	}
	return "/" + dir
}
