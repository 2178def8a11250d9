package audit

import (
	"path"
	"regexp"
	"strings"
)

var (
	dashed  = regexp.MustCompile(`^-[A-Za-z]*x[A-Za-z]*$|^--extract$|^--get$`)
	bundled = regexp.MustCompile(`^[A-Za-z]*x[A-Za-z]*$`)
)

// noSameOwner gives --no-same-owner to each tar of a command that extracts: GNU
// tar, bsdtar and busybox all know it. False where there is none to be changed.
func noSameOwner(command string) (string, bool) {
	var out strings.Builder
	changed := false
	for _, part := range commands(command) {
		if mended, ok := mendTar(part); ok && !strings.Contains(part, "-same-owner") {
			part, changed = mended, true
		}
		out.WriteString(part)
	}
	return out.String(), changed
}

// mendTar changes one simple command. Old-style options ("tar xf A") must stay
// first, so there it goes to the end.
func mendTar(part string) (string, bool) {
	words := strings.Fields(part)
	for i, w := range words {
		if base := path.Base(w); base != "tar" && base != "bsdtar" || i+1 == len(words) {
			continue
		}
		after := strings.Index(part, w) + len(w)
		if bundled.MatchString(words[i+1]) {
			end := len(strings.TrimRight(part, " \t"))
			return part[:end] + " --no-same-owner" + part[end:], true
		}
		for _, option := range words[i+1:] {
			if dashed.MatchString(option) {
				return part[:after] + " --no-same-owner" + part[after:], true
			}
		}
	}
	return part, false
}

// commands cuts a line of shell after each operator outside quotes. The parts
// together are the line.
func commands(line string) []string {
	var parts []string
	var quote byte
	start := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(";&|()\n", c) >= 0:
			parts = append(parts, line[start:i], line[i:i+1])
			start = i + 1
		}
	}
	return append(parts, line[start:])
}
