package audit

import (
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// A Cause is the most probable reason of a finding. The words are stable.
type Cause string

const (
	// CauseNPM: npm 5 and 9 keep the owners that are recorded in a package
	// (npm/cli#5889).
	CauseNPM Cause = "npm"
	// CauseTar: tar run by root keeps the owners of the archive.
	CauseTar Cause = "tar"
	// CauseAdd: ADD unpacked an archive, with its owners.
	CauseAdd Cause = "add"
	// CauseUseradd: an account was made with this number.
	CauseUseradd Cause = "useradd"
	// CauseChown: the instruction gives files this number.
	CauseChown Cause = "chown"
	// CauseCopy: COPY or ADD with --chown, or COPY from another stage.
	CauseCopy Cause = "copy"
	// CauseBuilder: a builder that keeps the owners of its context: kaniko, or a
	// build that is not made from a Dockerfile.
	CauseBuilder Cause = "builder"
	// CauseCygwin: an archive made on Windows by Cygwin, whose accounts start
	// at 197608.
	CauseCygwin Cause = "cygwin"
	// CauseBase: the layer is of the base image.
	CauseBase Cause = "base-image"
	// CauseUser and CauseAccount are those of the rules about accounts.
	CauseUser    Cause = "user"
	CauseAccount Cause = "account"
	// CauseUnknown: nothing points anywhere.
	CauseUnknown Cause = "unknown"
)

// publishers are owners that are known from packages of the npm registry.
var publishers = map[int64]bool{
	1516583083: true, 718322462: true, 454177323: true, 829141562: true,
	2691118652: true, 57095740: true, 17027476: true, 42864389: true,
}

var (
	archives = regexp.MustCompile(`\.(?:tar|tgz|txz|tbz2?|tar\.(?:gz|xz|bz2|zst|lzma))$`)
	others   = regexp.MustCompile(`(?i)\b(?:kaniko|buildah|bazel|jib|buildpacks?|nix|ko)\b`)
)

// cause weighs the evidence of a group, the surest first.
func (j *join) cause(layer int, g *group) Cause {
	if layer < j.base.layers {
		return CauseBase
	}
	in := j.maker(layer)
	if in == nil {
		return j.causeElsewhere(g)
	}
	switch in.Verb {
	case "RUN":
		return j.runCause(in, g)
	case "COPY", "ADD":
		return j.copyCause(in, g)
	}
	if others.MatchString(in.Raw) {
		return CauseBuilder
	}
	return j.causeElsewhere(g)
}

func (j *join) runCause(in *dockerfile.Instruction, g *group) Cause {
	run := j.plan().recipe.Runs[in]
	moved := j.moves(in, []*group{g})
	switch {
	case j.names(in, g, dockerfile.Makes) && len(moved) == 0:
		return CauseUseradd
	case g.npm*2 > g.count && len(moved) > 0:
		return CauseNPM
	case j.names(in, g, dockerfile.Gives) && len(moved) == 0:
		return CauseChown
	case g.published() && run.InstallsNPM():
		return CauseNPM
	case isCygwin(g.uid) || isCygwin(g.gid):
		return CauseCygwin
	case len(run.Tars) > 0 && len(moved) > 0:
		return CauseTar
	case others.MatchString(in.Raw):
		return CauseBuilder
	}
	return j.causeElsewhere(g)
}

func (j *join) copyCause(in *dockerfile.Instruction, g *group) Cause {
	rest := in.Rest()
	switch {
	case g.npm*2 > g.count && g.published():
		return CauseNPM
	case isCygwin(g.uid) || isCygwin(g.gid):
		return CauseCygwin
	case in.Verb == "ADD" && addsArchive(rest) && !j.names(in, g, dockerfile.Gives):
		return CauseAdd // its --chown does not reach into archives
	case in.Flag("--chown") != "":
		return CauseCopy
	case in.Verb == "COPY" && !isClassic(rest):
		return CauseCopy
	}
	return CauseBuilder
}

// causeElsewhere looks at the instructions before: an account that was made, or
// the USER.
func (j *join) causeElsewhere(g *group) Cause {
	r := j.plan().recipe
	for _, u := range r.Uses {
		if !slices.Contains(j.offenders(g), u.ID) || j.goodUse(u) {
			continue
		}
		switch u.Role {
		case dockerfile.Makes:
			return CauseUseradd
		case dockerfile.Runs:
			return CauseUser
		case dockerfile.Gives:
			return CauseChown
		}
	}
	return CauseUnknown
}

// names reports whether an instruction has one of a group's offenders in a role.
func (j *join) names(in *dockerfile.Instruction, g *group, role dockerfile.Role) bool {
	return slices.ContainsFunc(j.plan().recipe.Uses, func(u dockerfile.Use) bool {
		return u.In == in && u.Role == role && slices.Contains(j.offenders(g), u.ID)
	})
}

// offenders are the group's numbers that the finding is about.
func (j *join) offenders(g *group) []int64 {
	var bad []int64
	if j.uid.treatment(g.uid) != idmap.Mapped || g.rule == Owner {
		bad = append(bad, g.uid)
	}
	if (j.gid.treatment(g.gid) != idmap.Mapped || g.rule == Owner) && !slices.Contains(bad, g.gid) {
		bad = append(bad, g.gid)
	}
	return bad
}

func (g *group) published() bool { return publishers[g.uid] }

// isCygwin: the first accounts of a machine are 0x30000 + 1000 and 0x30000 + 513
// (Cygwin, "POSIX accounts, permission, and security").
func isCygwin(id int64) bool { return id >= 0x30000+500 && id <= 0x30000+2000 }

// addsArchive reports whether an ADD unpacks something: it names an archive, or the
// classic builder's record of one file put into a directory.
func addsArchive(rest string) bool {
	words := strings.Fields(rest)
	for _, w := range words[:max(0, len(words)-1)] {
		if archives.MatchString(w) {
			return true
		}
	}
	return strings.HasPrefix(rest, "file:")
}
