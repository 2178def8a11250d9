package render

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// wrapped breaks text at its spaces into lines that fit on the terminal. The first line
// begins at column first, the others are indented by indent. A word that is too long
// stays whole, so that it can be copied. What is no terminal gets one line.
func (s Style) wrapped(text string, first, indent int) string {
	if s.width <= 0 {
		return text
	}
	var b strings.Builder
	at := first
	for i, word := range strings.Split(text, " ") {
		wide := runewidth.StringWidth(word)
		switch {
		case i == 0:
		case at+1+wide > s.width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += wide
	}
	return b.String()
}

// CutShort leaves off what has no room in so many columns, since a line that wraps
// cannot be wiped. With less than no room, the width is unknown and nothing is cut.
func CutShort(s string, room int) string {
	if room < 0 {
		return s
	}
	return runewidth.Truncate(s, room, "")
}
