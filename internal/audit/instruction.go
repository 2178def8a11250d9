package audit

import (
	"regexp"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
)

// step is the instruction that made a layer, as far as history tells.
type step struct {
	text  string // normalised, e.g. "RUN npm i"; "" where it cannot be told
	verb  string // "RUN", "COPY", "ADD", … or "" where it is no Dockerfile's
	rest  string // what follows the verb; of a RUN without its shell
	shell bool   // a RUN by a shell other than /bin/sh -c
}

// steps gives each layer of an image its instruction. History has a record for
// every layer, and others that made none; where the numbers do not agree (images
// that were squashed, or not made from a Dockerfile) no layer gets any.
func steps(img image.Image) []step {
	all := make([]step, len(img.Layers))
	var made []string
	for _, h := range img.Config.History {
		if !h.Empty {
			made = append(made, h.CreatedBy)
		}
	}
	if len(made) == len(all) {
		for i, by := range made {
			all[i] = parseStep(by)
		}
	}
	return all
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
// as far as can be told: engines and BuildKit write it in different ways.
//
//	/bin/sh -c #(nop) COPY file:… in /app  →  COPY file:… in /app
//	/bin/sh -c npm i                       →  RUN npm i
//	RUN |1 V=9 /bin/sh -c npm i # buildkit →  RUN npm i
//
// Another shell than /bin/sh stays in place. What no Dockerfile made stays as it is.
func Instruction(createdBy string) string { return parseStep(createdBy).text }

func parseStep(by string) step {
	by = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(by), "# buildkit"))
	if loc := nop.FindStringIndex(by); loc != nil {
		by = by[loc[1]:]
	} else if strings.HasPrefix(by, "|") || shells.MatchString(by) {
		by = "RUN " + by
	}
	s := step{text: by}
	m := verbs.FindString(by)
	if m == "" {
		return s
	}
	s.verb, s.rest = strings.TrimSpace(m), glued.ReplaceAllString(by[len(m):], "$1 $2")
	if s.verb == "RUN" {
		s.run()
	}
	s.text = s.verb + " " + s.rest
	if s.shell {
		s.rest = strings.TrimSpace(shells.ReplaceAllString(s.rest, ""))
	}
	return s
}

// run takes the build arguments and the usual shell off a command.
func (s *step) run() {
	s.rest = dropArgs(s.rest)
	if command, ok := strings.CutPrefix(s.rest, plainShell); ok {
		s.rest = strings.TrimSpace(command)
		return
	}
	s.shell = shells.MatchString(s.rest)
}

// dropArgs takes "|2 A=x B=y z" off a command. Values can hold blanks, so the
// usual shell is looked for first, and then one word for each argument is taken.
func dropArgs(command string) string {
	m := argList.FindString(command)
	if m == "" {
		return command
	}
	if i := strings.Index(command, " "+plainShell); i >= 0 {
		return command[i+1:]
	}
	words := strings.Fields(command[len(m):])
	for len(words) > 0 && !strings.HasPrefix(words[0], "/") && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	return strings.Join(words, " ")
}
