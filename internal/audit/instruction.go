package audit

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
)

// step is the instruction that made a layer, as far as history tells.
type step struct {
	text  string            // normalised, e.g. "RUN npm i"; "" if it is unknown
	verb  string            // "RUN", "COPY", "ADD", … or "" if it is no Dockerfile's
	rest  string            // what follows the verb; of a RUN without its shell
	shell string            // of a RUN by a shell other than /bin/sh -c
	args  map[string]string // that a RUN was given
	kit   bool              // BuildKit made it, whose history leaves out --mount and --from
	whole bool              // it is the last of several that made one layer
}

// steps reads an image's history. Each layer gets the number of its record; if
// the numbers do not agree (images that were squashed, or not made from a
// Dockerfile) no layer gets any, and there are no steps.
func steps(img image.Image) (all []step, of []int) {
	classic := slices.ContainsFunc(img.Config.History, func(h image.History) bool { return nop.MatchString(h.CreatedBy) })
	for i, h := range img.Config.History {
		s := parseStep(h.CreatedBy)
		s.kit = s.kit || h.Comment == "buildkit.dockerfile.v0"
		s.whole = strings.HasPrefix(h.Comment, "FROM ") // buildah without --layers
		if s.verb == "" && classic && s.text != "" && !h.Empty {
			s.verb, s.rest, s.text = "RUN", s.text, "RUN "+s.text // ["a", "b"] of the classic builder
		}
		if all = append(all, s); !h.Empty {
			of = append(of, i)
		}
	}
	if len(of) != len(img.Layers) {
		return nil, make([]int, len(img.Layers))
	}
	return all, of
}

var (
	nop     = regexp.MustCompile(`^(?:\S+ )*#\(nop\)\s+`)
	verbs   = regexp.MustCompile(`^(RUN|COPY|ADD|WORKDIR|USER|ENV|CMD|ENTRYPOINT|LABEL|ARG|EXPOSE|VOLUME|SHELL|STOPSIGNAL|HEALTHCHECK|ONBUILD|MAINTAINER)\s+`)
	argList = regexp.MustCompile(`^\|(\d+)\s`)
	shells  = regexp.MustCompile(`^(?:/\S*/)?(?:ba|da|a|z|k)?sh(?: -\S+| pipefail)* -[a-z]*c\s+|^cmd /S /C\s+|^powershell (?:\S+ )*?-Command\s+`)
)

// glued is how the classic builder writes --chown: with no blank behind it.
var glued = regexp.MustCompile(`^(--chown=\S+?)((?:file|dir|multi):[0-9a-f]+ in )`)

const plainShell = "/bin/sh -c "

// Instruction puts a history record's created_by as it stood in the Dockerfile,
// as far as is known: engines and BuildKit write it in different ways.
//
//	/bin/sh -c #(nop) COPY file:… in /app  →  COPY file:… in /app
//	/bin/sh -c npm i                       →  RUN npm i
//	RUN |1 V=9 /bin/sh -c npm i # buildkit →  RUN npm i
//
// Another shell than /bin/sh stays in place. What no Dockerfile made stays as it is.
func Instruction(createdBy string) string { return parseStep(createdBy).text }

func parseStep(by string) step {
	by, kit := strings.CutSuffix(strings.TrimSpace(by), "# buildkit")
	by = strings.TrimSpace(by)
	if loc := nop.FindStringIndex(by); loc != nil {
		by = by[loc[1]:]
	} else if strings.HasPrefix(by, "|") || shells.MatchString(by) {
		by = "RUN " + by
	}
	s := step{text: by, kit: kit}
	m := verbs.FindString(by)
	if m == "" {
		return s
	}
	s.verb, s.rest = strings.TrimSpace(m), glued.ReplaceAllString(by[len(m):], "$1 $2")
	if s.verb == "RUN" {
		s.run()
	}
	s.text = s.verb + " " + s.rest
	if s.shell != "" {
		s.rest = strings.TrimSpace(s.rest[len(s.shell):])
	}
	return s
}

// run takes the build arguments and the usual shell off a command.
func (s *step) run() {
	s.rest, s.args = dropArgs(s.rest)
	if command, ok := strings.CutPrefix(s.rest, plainShell); ok {
		s.rest = strings.TrimSpace(command)
		return
	}
	s.shell = shells.FindString(s.rest)
}

// dropArgs takes "|2 A=x B=y z" off a command. Values can hold blanks, so the
// shell is looked for first, and if there is none one word is taken for each.
func dropArgs(command string) (string, map[string]string) {
	m := argList.FindStringSubmatch(command)
	if m == nil {
		return command, nil
	}
	rest := command[len(m[0]):]
	n, _ := strconv.Atoi(m[1])
	if i := strings.Index(" "+rest, " "+plainShell); i >= 0 {
		return rest[i:], splitArgs(strings.Fields(rest[:max(0, i-1)]), n)
	}
	words := strings.Fields(rest)
	k := 0
	for k < len(words) && !strings.HasPrefix(words[k], "/") && strings.Contains(words[k], "=") {
		k++
	}
	return strings.Join(words[k:], " "), splitArgs(words[:k], n)
}

var argWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// splitArgs reads NAME=VALUE, of which n are expected. A word that is none goes on
// with the value before it.
func splitArgs(words []string, n int) map[string]string {
	args := map[string]string{}
	last := ""
	for _, w := range words {
		if name, value, _ := strings.Cut(w, "="); argWord.MatchString(w) && len(args) < n {
			args[name], last = value, name
		} else if last != "" {
			args[last] += " " + w
		}
	}
	return args
}
