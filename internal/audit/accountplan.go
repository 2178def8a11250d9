package audit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// account is a line of passwd or group whose numbers have to change, though no
// instruction names them.
type account struct {
	file     string // "etc/passwd" or "etc/group"
	name     string
	uid, gid int64 // a group has no uid: -1
	base     bool  // the base image has the line
	layer    int   // that has the file last
}

// unnamed are the accounts of an image whose numbers no instruction makes them
// with: those of the base image, of a file that is copied, of a useradd that
// chooses by itself.
func (j *join) unnamed(r *recipe) (all []account) {
	made := map[int64]bool{}
	for _, u := range r.Uses {
		made[u.ID] = made[u.ID] || u.Role == dockerfile.Makes && (u.Arg != "" || u.Def != nil && !r.base[u.Def])
	}
	for _, file := range []struct {
		name string
		of   func(*facts) *accountFile
	}{{"etc/passwd", passwdOf}, {"etc/group", groupOf}} {
		f, layer := final(j.layers, file.of)
		low, _ := final(j.layers[:j.base.layers], file.of)
		for line := range bytes.Lines(f.data) {
			line = bytes.TrimSpace(line)
			fields := bytes.Split(line, []byte(":"))
			a := account{file: file.name, name: string(fields[0]), layer: layer, uid: -1}
			uid, gid, ok := accountIDs(file.name, fields)
			if a.gid = gid; file.name == "etc/passwd" {
				a.uid = uid
			}
			bad := func(id int64, s *idSpace) bool { return id >= 0 && !s.kernel(id) && !made[id] }
			if !ok || !bad(a.uid, &j.uid) && !bad(a.gid, &j.gid) {
				continue
			}
			a.base = bytes.Contains(append([]byte{'\n'}, low.data...), append([]byte{'\n'}, append(line, '\n')...))
			all = append(all, a)
		}
	}
	if len(all) > maxTogether {
		return nil // not by hand
	}
	return all
}

func (a account) ids() []int64 { return []int64{a.uid, a.gid} }

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

// sed is the expression that gives an account its new numbers, "" if its name
// cannot be written in one.
func (p *plan) sed(a account) string {
	if !plainName.MatchString(a.name) {
		return ""
	}
	now := func(id int64) int64 {
		if to, ok := p.ids[id]; ok {
			return to
		}
		return id
	}
	if a.uid < 0 {
		return fmt.Sprintf(`s/^%s:\([^:]*\):%d:/%s:\1:%d:/`, a.name, a.gid, a.name, now(a.gid))
	}
	return fmt.Sprintf(`s/^%s:\([^:]*\):%d:%d:/%s:\1:%d:%d:/`, a.name, a.uid, a.gid, a.name, now(a.uid), now(a.gid))
}

// sedCommand is one for all accounts of both files, "" for none.
func (p *plan) sedCommand(all []account) string {
	var commands []string
	for _, file := range []string{"etc/passwd", "etc/group"} {
		command := "sed -i"
		for _, a := range all {
			if e := p.sed(a); e != "" && a.file == file {
				command += " -e " + sh.Word(e)
			}
		}
		if command != "sed -i" {
			commands = append(commands, command+" /"+file)
		}
	}
	return strings.Join(commands, " && ")
}

// accounts changes accounts that no instruction names: those of the base image
// right after FROM, others in the RUN that made them.
func (p *plan) accounts(j *join, all []account) {
	var low []account
	high := map[int][]account{}
	for _, a := range all {
		if a.base {
			low = append(low, a)
		} else {
			high[a.layer] = append(high[a.layer], a)
		}
	}
	p.afterFrom(j, low)
	for layer, accounts := range high {
		in := j.maker(layer)
		if in == nil {
			continue
		}
		run := p.recipe.Runs[in]
		command := p.sedCommand(accounts)
		if run != nil && command != "" {
			if e, ok := in.Append(run, command); ok && isRoot(p.recipe.Users[in]) {
				p.edit(in, "let its last command be: "+command, e)
				p.lasting(in, accounts)
			}
			continue
		}
		for _, a := range accounts {
			for _, id := range a.ids() {
				if to, ok := p.ids[id]; ok && (in.Verb == "COPY" || in.Verb == "ADD") {
					p.also[id] = appendNew(p.also[id], escape.Line(fmt.Sprintf("in the file that becomes /%s by %s: %s", a.file, in.Raw, numberHint(id, to))))
				}
			}
		}
	}
}

// lasting notes that a RUN changes accounts at its end.
func (p *plan) lasting(in *dockerfile.Instruction, accounts []account) {
	for _, a := range accounts {
		for _, id := range a.ids() {
			if _, ok := p.ids[id]; ok {
				p.changed[id] = appendNew(p.changed[id], in)
				p.late[id] = in
			}
		}
	}
}

// plainUser is a USER that can be written into a Dockerfile as it is.
var plainUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)

// afterFrom adds what the base image needs, accounts and its USER, unless it must
// be flattened anyway.
func (p *plan) afterFrom(j *join, accounts []account) {
	for i := range j.base.layers {
		if len(j.bad(i)) > 0 {
			return
		}
	}
	if u := p.recipe.baseUser; u != "" && !plainUser.MatchString(u) {
		return // the base image wrote it, and it may be more than a user
	}
	user, moved := p.renamed(p.recipe.baseUser)
	command := p.sedCommand(accounts)
	var lines []string
	if command != "" {
		if !isRoot(user) {
			lines = append(lines, "USER 0")
		}
		lines = append(lines, "RUN "+command)
	}
	if len(moved) > 0 || len(lines) > 1 {
		lines = append(lines, "USER "+user)
	}
	if len(lines) == 0 {
		return
	}
	ids := moved
	for _, a := range accounts {
		ids = append(ids, a.ids()...)
	}
	from := (*dockerfile.Instruction)(nil)
	if p.recipe.file != nil {
		from = p.recipe.stage.Root()
		p.edit(from, "add behind it: "+strings.Join(lines, ", "), dockerfile.Edit{From: len(from.Raw), To: len(from.Raw), Text: "\n" + strings.Join(lines, "\n")})
	}
	for _, id := range ids {
		switch _, ok := p.ids[id]; {
		case !ok:
		case from != nil:
			p.changed[id] = appendNew(p.changed[id], from)
		default:
			p.also[id] = appendNew(p.also[id], "right after FROM, add: "+strings.Join(lines, ", "))
		}
	}
}

// renamed is a USER with the numbers of the plan, and those that it had before.
func (p *plan) renamed(user string) (string, []int64) {
	var moved []int64
	parts := strings.SplitN(user, ":", 2)
	for i, part := range parts {
		id, err := strconv.ParseInt(part, 10, 64)
		if to, ok := p.ids[id]; ok && err == nil {
			parts[i] = strconv.FormatInt(to, 10)
			moved = append(moved, id)
		}
	}
	return strings.Join(parts, ":"), slices.Compact(moved)
}
