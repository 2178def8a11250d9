package survey

import (
	"fmt"
	"slices"
	"strings"
)

// Line is one line of a file.
type Line struct {
	Path   string
	Number int // from 1
}

// String names the line for people.
func (l Line) String() string { return fmt.Sprintf("%s, line %d", l.Path, l.Number) }

// Lines are the lines of a unit's files that give dockerd a word of its command
// line, such as a flag; comments and the commands of other kinds are left out.
func (u Unit) Lines(word string) (found []Line) {
	for _, f := range u.Files {
		ofUnit := f.Path == u.File || slices.Contains(u.DropIns, f.Path)
		n, key := 0, ""
		for line := range strings.Lines(string(f.Data)) {
			n++
			text := strings.TrimSpace(line)
			if text == "" || text[0] == '#' || text[0] == ';' {
				continue
			}
			if key == "" {
				key, _, _ = strings.Cut(text, "=")
			}
			if hasWord(text, word) && (!ofUnit || key == "ExecStart" || key == "Environment") {
				found = append(found, Line{f.Path, n})
			}
			if !strings.HasSuffix(text, `\`) {
				key = ""
			}
		}
	}
	return found
}

// Given names a word of dockerd's command line, and the lines that it is in.
func (u Unit) Given(word string) string {
	var lines []string
	for _, line := range u.Lines(word) {
		lines = append(lines, line.String())
	}
	if len(lines) == 0 {
		return word
	}
	return fmt.Sprintf("%s (%s)", word, strings.Join(lines, "; "))
}

// hasWord reports whether a word is in a line by itself: blanks and quotes around
// it, or "=" before it.
func hasWord(line, word string) bool {
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 || word == "" {
			return false
		}
		i += from
		from = i + len(word)
		if (i == 0 || strings.IndexByte(" \t\"'=", line[i-1]) >= 0) && (from == len(line) || strings.IndexByte(" \t\"'\\", line[from]) >= 0) {
			return true
		}
	}
}
