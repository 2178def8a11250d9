package audit

import (
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
)

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
		switch {
		case isClassic(in.Rest()): // such a history does not tell a file from an archive
			return j.names(in, g, dockerfile.Gives)
		case r.file == nil: // and BuildKit's of Docker 20.10 leaves out --chown
			return !addsArchive(in.Rest()) && in.Flag("--chown") != ""
		}
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

// becomes is what the plan makes of a number of a group.
func (j *join) becomes(g *group, id int64, group bool) int64 {
	if j.isCulprit(g, id, group) {
		return j.plan().ids[id]
	}
	return id
}
