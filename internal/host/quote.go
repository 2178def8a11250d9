package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// errNUL: no path, argument or variable of Unix can hold a NUL.
var errNUL = errors.New("holds a NUL byte")

// words quotes each of s.
func words(s []string) string {
	quoted := make([]string, len(s))
	for i := range s {
		quoted[i] = sh.Quote(s[i])
	}
	return strings.Join(quoted, " ")
}

// glob quotes a pattern but for its wildcards.
func glob(pattern string) string {
	var b strings.Builder
	for _, c := range []byte(pattern) {
		switch c {
		case '*', '?', '[', ']', '-':
			b.WriteByte(c)
		default:
			b.WriteString(sh.Quote(string([]byte{c})))
		}
	}
	return b.String()
}

// regex escapes s for a basic regular expression.
func regex(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(`\.[]*^$`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// chunk is how many bytes one printf writes: it is a program, not a builtin, in
// some shells, and the kernel takes 128 KiB an argument.
const chunk = 16 << 10

// printing is a shell command that writes data, byte for byte: all but harmless
// ASCII goes as octal, which `printf %b` of POSIX reads.
func printing(data []byte) string {
	var b strings.Builder
	b.WriteString("{ :; ")
	for len(data) > 0 {
		n := min(chunk, len(data))
		b.WriteString("printf %b '")
		for _, c := range data[:n] {
			if c < ' ' || c > '~' || c == '\'' || c == '\\' {
				fmt.Fprintf(&b, `\0%03o`, c)
			} else {
				b.WriteByte(c)
			}
		}
		b.WriteString("'; ")
		data = data[n:]
	}
	b.WriteString("}")
	return b.String()
}
