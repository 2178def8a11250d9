package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	useless = "a chown in a later RUN does not help, the layer of this instruction keeps its owners"
	// numberHint is for a command that cannot be put on one line.
	numberHint = "give the account a number that is mapped, e.g. 10001"
	toRoot     = `\( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`
)

// cure gives a group its cause, and what to write instead of the instruction.
func (j *join) cure(layer int, g *group, later Later) (Cause, string) {
	cause := j.cause(layer, g)
	return cause, j.fix(cause, layer, g, later)
}

func (j *join) fix(cause Cause, layer int, g *group, later Later) string {
	s := j.steps[layer]
	switch {
	case cause == CauseBase:
		return j.baseFix(s, g)
	case cause == CauseUseradd:
		return j.useraddFix(layer, g, later)
	case s.verb == "RUN":
		return j.runFix(cause, layer, g, later)
	case s.verb == "COPY" || s.verb == "ADD":
		return copyFix(s, later)
	}
	return printable(fmt.Sprintf("give these files a mapped owner where they are made, in the instruction or tool that made layer %d, e.g. chown -h 0:0; %s", layer, useless))
}

// runFix is the RUN with a command that never gives files the owner, or takes it
// back before the layer is made.
func (j *join) runFix(cause Cause, layer int, g *group, later Later) string {
	old := j.steps[layer].rest
	if cause == CauseChown {
		if command, ok := j.renumber(old, j.culprits(g)); ok {
			return paste(command, "give the files a number that is mapped, e.g. 10001", later)
		}
	}
	if cause == CauseTar || cause == CauseCygwin {
		if command, ok := noSameOwner(old); ok {
			return paste(command, "give tar the option --no-same-owner", later)
		}
	}
	last := j.find(g)
	if cause == CauseNPM {
		last = "find " + j.modules(layer) + " " + toRoot
	}
	return paste(strings.TrimRight(old, "; \t\n&")+" && "+last, "let its last command be: "+last, later)
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
		return quote(j.common(layer))
	}
	for i, r := range roots {
		roots[i] = quote(folder(r))
	}
	return strings.Join(slices.Compact(roots), " ")
}

// common is the deepest directory that holds all the offenders of a layer.
func (j *join) common(layer int) string {
	groups := j.layers[layer].groups
	dir := groups[0].common
	for _, g := range groups[1:] {
		dir = dir[:shared(dir, g.common)]
	}
	return folder(string(dir))
}

// find is a command that gives this owner's files to root. No mount is entered.
func (j *join) find(g *group) string {
	var tests []string
	if j.isCulprit(g, g.uid, false) {
		tests = append(tests, fmt.Sprintf("-user %d", g.uid))
	}
	if j.isCulprit(g, g.gid, true) {
		tests = append(tests, fmt.Sprintf("-group %d", g.gid))
	}
	where := quote(folder(string(g.common))) + " -xdev"
	if len(tests) == 0 || g.mixed || g.uid < 0 || g.gid < 0 {
		return "find " + where + " " + toRoot
	}
	return "find " + where + ` \( ` + strings.Join(tests, " -o ") + ` \) -exec chown -h 0:0 {} +`
}

func (j *join) isCulprit(g *group, id int64, group bool) bool {
	space := &j.uid
	if group {
		space = &j.gid
	}
	return g.rule == Owner && j.opt.ID != nil && id == *j.opt.ID || g.rule != Owner && space.fate(id) != 0
}

// useraddFix rewrites the RUN that makes the account, which can be in a lower layer.
func (j *join) useraddFix(layer int, g *group, later Later) string {
	at := j.madeBefore(layer, g)
	command, ok := j.renumber(j.steps[at].rest, j.culprits(g))
	if !ok {
		return fmt.Sprintf("give the account a number that is mapped where it is made, in layer %d", at)
	}
	if at == layer {
		return paste(command, numberHint, later)
	}
	return "the account is made in layer " + strconv.Itoa(at) + ": " + paste(command, numberHint, later)
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
// names of sources, and BuildKit's none of stages, so what is known is given.
func copyFix(s step, later Later) string {
	rest := s.rest
	for _, sum := range []string{"file:", "dir:", "multi:"} {
		if strings.HasPrefix(chownFlag.ReplaceAllString(rest, ""), sum) {
			return note(later) + printable(fmt.Sprintf("add --chown=0:0 to this %s: %s", s.verb, s.text))
		}
	}
	return note(later) + printable(s.verb+" --chown=0:0 "+chownFlag.ReplaceAllString(rest, ""))
}

// note is what stands before an instruction that can hold no comment.
func note(later Later) string {
	if later == Stays {
		return ""
	}
	return useless + ", so change it: "
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
	return printable(fmt.Sprintf("the base image %s has these files%s: take a release without them or ask its maintainers. "+
		"Or flatten it, on an engine without userns-remap: FROM %s AS base, RUN %s, FROM scratch, COPY --from=base / /, and repeat its ENV, USER and CMD",
		name, made, name, j.find(g)))
}

// paste is a whole RUN on one line. Where the command has lines or comments of
// its own it cannot be on one, and the hint says what to change in it.
func paste(command, hint string, later Later) string {
	command = strings.ReplaceAll(command, "\t", " ")
	if printable(command) != strings.TrimSpace(command) || strings.Contains(command, " #") {
		return note(later) + printable("in this same RUN: "+hint)
	}
	if later == Stays {
		return "RUN " + command
	}
	return "RUN " + command + " # " + useless
}

// printable puts text on one line: no control characters, nothing that is not UTF-8.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.TrimSpace(s)
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
	for dir != "" && printable(dir) != dir {
		dir = string(parent([]byte(dir)))
	}
	return "/" + dir
}
