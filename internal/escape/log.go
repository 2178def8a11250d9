package escape

import (
	"regexp"
	"strings"
)

// What the logs of CI services obey: GitHub's and Azure's "##[name]", Azure's
// "##vso[name]" and TeamCity's "##teamcity[name]" anywhere in a line, and GitHub's
// "::name::" after the blanks that a line begins with (ActionCommand.cs of
// actions/runner).
var (
	inLine = regexp.MustCompile(`^#[A-Za-z]*\[`)
	atHead = regexp.MustCompile(`^( *):(:.*::)`)
)

// uncommanded writes a command of a CI service as text.
func uncommanded(s string) string {
	s = atHead.ReplaceAllString(s, `${1}\x3a$2`)
	if !strings.Contains(s, "##") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "##")
		if i < 0 {
			return b.String() + s
		}
		b.WriteString(s[:i+1])
		if s = s[i+1:]; inLine.MatchString(s) {
			b.WriteString(`\x23`)
			s = s[1:]
		}
	}
}
