package commands

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes text from an image, a host or a file safe for a terminal:
// what is not printable (control characters, line ends, the marks that turn the
// direction of writing, bytes that are not UTF-8) is written as an escape of
// Go's strings.
func printable(s string) string {
	if !strings.ContainsFunc(s, unsafe) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unsafe(r):
			b.WriteRune(r)
		case r < 0x80:
			b.WriteString(escape(r))
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

func unsafe(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

func escape(r rune) string {
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

// printableLines is printable for text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
