// Package escape decides what text from outside looks like where it is shown:
// names, paths, labels, errors and settings that come from an image, a registry,
// an engine, a host or a file. On a terminal, in Markdown, SARIF and JSON it cannot
// move, hide or forge a line, and a reader can still tell what it was.
//
// Values are kept as they were found, and escaped once, where they are printed.
package escape

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLine is the most bytes of one value that are shown on a line. The longest
// path of Linux has 4,096; JSON has the whole value.
const MaxLine = 16 << 10

// Line makes text safe for one line of a terminal, or of the log of a CI job. What is
// not printable (control characters, line ends, marks that turn the direction of
// writing, characters without a width, bytes that are not UTF-8) is written as an escape
// of Go's strings, and so is what makes a command of a line of a log. Text of more than
// MaxLine bytes is cut short.
func Line(s string) string {
	if len(s) > MaxLine {
		end := boundary(s, MaxLine)
		return line(s[:end]) + fmt.Sprintf("... (%d more bytes)", len(s)-end)
	}
	return line(s)
}

// Safe reports whether Line leaves text as it is.
func Safe(s string) bool { return len(s) <= MaxLine && Line(s) == s }

func line(s string) string { return uncommanded(printable(s)) }

func printable(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x80:
			b.WriteString(control(r))
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// hidden reports whether a character does something else on a terminal than being
// seen in its place. Some letters and marks are invisible by definition (UAX #44,
// Default_Ignorable_Code_Point), though Unicode does not count them as formats.
func hidden(r rune) bool {
	return r == utf8.RuneError || !unicode.IsPrint(r) ||
		r >= 0x80 && unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func control(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\t':
		return `\t`
	case '\r':
		return `\r`
	}
	return fmt.Sprintf(`\x%02x`, r)
}

// SARIF makes text safe for the message of a SARIF result, in which a viewer
// makes a link of "[text](target)" (SARIF 2.1.0, 3.11.6).
func SARIF(s string) string { return strings.ReplaceAll(Line(s), "](", "] (") }

// Markdown makes text safe for one line of Markdown: what could be a mark of it,
// a link or the end of a cell is escaped (CommonMark 2.4).
func Markdown(s string) string {
	var b strings.Builder
	for i, r := range Line(s) {
		if strings.ContainsRune("\\`*_{}[]<>#|~&$", r) || i == 0 && strings.ContainsRune("-+=", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
