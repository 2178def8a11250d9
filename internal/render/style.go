// Package render is what a user reads: tables, plans, templates, Markdown and
// progress. It takes data and gives text, and reads nothing else.
package render

import (
	"os"
	"strings"

	"github.com/docker/cli/cli/streams"
)

// Style is how text may be dressed on an output.
type Style struct {
	colour bool
	utf8   bool
	width  int // columns, 0 if it is no terminal
}

// StyleOf respects NO_COLOR (no-color.org), a dumb terminal, and a locale
// without UTF-8 (locale(7)).
func StyleOf(out *streams.Out) Style {
	_, width := out.GetTtySize()
	s := Style{utf8: utf8Locale()}
	if out.IsTerminal() {
		s.width = int(width)
		s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

func (s Style) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) bad(text string) string    { return s.paint("31", text) }
func (s Style) good(text string) string   { return s.paint("32", text) }
func (s Style) warn(text string) string   { return s.paint("33", text) }
func (s Style) strong(text string) string { return s.paint("1", text) }
func (s Style) faint(text string) string  { return s.paint("2", text) }

// mark is the sign before a line: ✗ or "x", and so on.
func (s Style) mark(fancy, plain string) string {
	if s.utf8 {
		return fancy
	}
	return plain
}
