package dockerfile

import (
	"regexp"
	"strings"
)

var (
	passwdLine = regexp.MustCompile(`(?m)^[A-Za-z_][\w.-]*:[^:\n]*:([0-9]+):([0-9]+):[^:\n]*:/?[^:\n]*:[^:\n]*$`)
	groupLine  = regexp.MustCompile(`(?m)^[A-Za-z_][\w.-]*:[^:\n]*:([0-9]+):[^:\n]*$`)
)

// passwdLines notes the numbers of lines of passwd(5), wherever they go.
func (s shell) passwdLines(t text) {
	for _, m := range passwdLine.FindAllStringSubmatchIndex(t.s, -1) {
		s.use(t.slice(m[2], m[3]), false, Makes)
		s.use(t.slice(m[4], m[5]), true, Makes)
	}
}

// accounts notes those of text that goes to passwd or group.
func (s shell) accounts(t text) {
	s.passwdLines(t)
	if s.file != "group" {
		return
	}
	for _, m := range groupLine.FindAllStringSubmatchIndex(t.s, -1) {
		s.use(t.slice(m[2], m[3]), true, Makes)
	}
}

// printed is what echo or printf print. printf writes a line as 'a:x:1:\n'.
func (s shell) printed(args []arg) {
	for _, a := range args {
		from := 0
		for line := range strings.SplitSeq(a.s, `\n`) {
			s.accounts(a.slice(from, from+len(line)))
			from += len(line) + len(`\n`)
		}
	}
}
