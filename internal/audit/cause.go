package audit

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	// numericChown is a --chown without names, whose numbers can be believed.
	numericChown = regexp.MustCompile(`--chown=[0-9]+(?::[0-9]+)?\s`)

	npmRun   = regexp.MustCompile(`(?:^|[\s;&|(/])(?:npm|npx|yarn|pnpm)\s`)
	extracts = regexp.MustCompile(`(?:^|[\s;&|(/])(?:bsd)?tar\s+(?:[^;&|]*\s)?(?:-[A-Za-z]*x[A-Za-z]*|--extract|--get)(?:\s|$)|(?:^|[\s;&|(/])(?:bsd)?tar\s+[A-Za-z]*x[A-Za-z]*(?:\s|$)`)
	makes    = regexp.MustCompile(`(?:user|group)(?:add|mod)\b|add(?:user|group)\b`)
	archives = regexp.MustCompile(`\.(?:tar|tgz|txz|tbz2?|tar\.(?:gz|xz|bz2|zst|lzma))$`)
	others   = regexp.MustCompile(`(?i)\b(?:kaniko|buildah|bazel|jib|buildpacks?|nix|ko)\b`)
)

// cause weighs the evidence of a group, the surest first.
func (j *join) cause(layer int, g *group) Cause {
	s := j.steps[layer]
	copies := s.verb == "COPY" || s.verb == "ADD"
	switch {
	case layer < j.base.layers:
		return CauseBase
	case s.verb == "RUN" && j.makesAccount(g, s.rest):
		return CauseUseradd
	case g.npm*2 > g.count && (s.verb == "RUN" || g.published()):
		return CauseNPM
	case s.verb == "RUN" && j.named(g, s.rest):
		return CauseChown
	case s.verb == "RUN" && g.published() && npmRun.MatchString(s.rest+" "):
		return CauseNPM
	case isCygwin(g.uid) || isCygwin(g.gid):
		return CauseCygwin
	case s.verb == "RUN" && extracts.MatchString(s.rest):
		return CauseTar
	case s.verb == "ADD" && addsArchive(s.rest):
		return CauseAdd
	case s.verb == "ADD" && strings.Contains(s.rest, "--chown=") && !j.named(g, chownFlag.FindString(s.rest)) && numericChown.MatchString(s.rest):
		return CauseAdd // which does not reach into archives
	case copies && strings.Contains(s.rest, "--chown="):
		return CauseCopy
	case s.verb == "COPY" && !strings.HasPrefix(s.rest, "file:") && !strings.HasPrefix(s.rest, "dir:") && !strings.HasPrefix(s.rest, "multi:"):
		return CauseCopy
	case copies || others.MatchString(s.text):
		return CauseBuilder
	case j.madeBefore(layer, g) >= 0:
		return CauseUseradd
	}
	return CauseUnknown
}

// culprits are the group's numbers that the finding is about.
func (j *join) culprits(g *group) []int64 {
	var bad []int64
	if j.uid.fate(g.uid) != idmap.Mapped || g.rule == Owner {
		bad = append(bad, g.uid)
	}
	if (j.gid.fate(g.gid) != idmap.Mapped || g.rule == Owner) && !slices.Contains(bad, g.gid) {
		bad = append(bad, g.gid)
	}
	return bad
}

// named says whether a command has one of the culprits in it.
func (j *join) named(g *group, command string) bool {
	return slices.ContainsFunc(j.culprits(g), func(id int64) bool { return hasNumber(command, id) })
}

// makesAccount says whether a part of a command that makes accounts has one of
// the culprits in it: "chown 70000 f && adduser -u 70001 x" made no 70000.
func (j *join) makesAccount(g *group, command string) bool {
	return slices.ContainsFunc(commands(command), func(part string) bool {
		return makes.MatchString(part) && j.named(g, part)
	})
}

func (g *group) published() bool { return publishers[g.uid] }

// madeBefore is the layer at or below this one whose RUN made an account of one
// of the group's numbers, or -1.
func (j *join) madeBefore(layer int, g *group) int {
	for i := layer; i >= 0; i-- {
		if s := j.steps[i]; s.verb == "RUN" && j.makesAccount(g, s.rest) {
			return i
		}
	}
	return -1
}

// isCygwin: the first accounts of a machine are 0x30000 + 1000 and 0x30000 + 513
// (Cygwin, "POSIX accounts, permission, and security").
func isCygwin(id int64) bool { return id >= 0x30000+500 && id <= 0x30000+2000 }

// addsArchive says whether an ADD unpacks something: it names an archive, or the
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

// hasNumber says whether a command has a number of more than two digits as a
// word of its own. 0 and such are in every command.
func hasNumber(command string, id int64) bool {
	return id > 99 && numberIndex(command, strconv.FormatInt(id, 10), 0) >= 0
}

// numberIndex finds a number that is not part of a longer one, or of a word.
func numberIndex(s, number string, from int) int {
	for {
		i := strings.Index(s[from:], number)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(number)
		if (i == 0 || !wordByte(s[i-1])) && (end == len(s) || !wordByte(s[end])) {
			return i
		}
		from = end
	}
}

func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '.'
}
