package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"path"
	"strings"
	"unicode/utf8"
)

// root is what the engine takes for the layer's own root, and does not look at:
// the entries "./", ".", "a/..". "/" is another matter: engines before 29.7 hold
// its owner against the map, so it cleans to "" here (moby/go-archive, Unpack).
const root = "."

// longest is PATH_MAX of Linux: no engine can unpack a longer name.
const longest = 4096

// clean gives a name as the engine sees it, "./a", "/a" and "a/" all being "a",
// and the index of its last slash, or -1.
func clean(name []byte) ([]byte, int) {
	b := name
	if len(b) > 2 && b[0] == '.' && b[1] == '/' {
		b = b[2:]
	}
	if len(b) > 1 && b[len(b)-1] == '/' {
		b = b[:len(b)-1]
	}
	if slash, ok := tidy(b); ok {
		return b, slash
	}
	b = []byte(strings.TrimPrefix(path.Clean(string(name)), "/"))
	return b, bytes.LastIndexByte(b, '/')
}

// tidy reports whether path.Clean would leave a relative name as it is, and where
// its last slash is.
func tidy(b []byte) (slash int, ok bool) {
	if len(b) == 0 || b[0] == '/' || b[len(b)-1] == '/' || dots(b) {
		return -1, false
	}
	slash, plain := lastSlash(b)
	for rest := b; !plain; {
		i := bytes.IndexByte(rest, '/')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if rest[0] == '/' || dots(rest) {
			return -1, false
		}
	}
	return slash, true
}

// lastSlash finds the last slash of a name, and reports whether no slash has a dot or
// another slash after it, as in most names. Every entry comes by here, so it looks
// at eight bytes at a time.
func lastSlash(b []byte) (last int, plain bool) {
	const slashes, ones = 0x2f2f2f2f2f2f2f2f, 0x0101010101010101
	last, plain = -1, true
	i := 0
	for ; i+9 <= len(b); i += 8 {
		here := zeros(binary.LittleEndian.Uint64(b[i:]) ^ slashes)
		if here == 0 {
			continue
		}
		last = i + (bits.Len64(here)-1)/8
		// '.' and '/' are alike but for the lowest bit.
		if here&zeros((binary.LittleEndian.Uint64(b[i+1:])|ones)^slashes) != 0 {
			plain = false
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '/' {
			last = i
			plain = plain && (i+1 == len(b) || b[i+1]|1 != '/')
		}
	}
	return last, plain
}

// zeros has the highest bit of each byte set that is zero in x.
func zeros(x uint64) uint64 {
	const low = 0x7f7f7f7f7f7f7f7f
	return ^((x&low + low) | x | low)
}

// dots reports whether b starts with the element "." or "..".
func dots(b []byte) bool {
	if b[0] != '.' {
		return false
	}
	b = b[1:]
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
	}
	return len(b) == 0 || b[0] == '/'
}

// parent is the directory that holds a cleaned name, "" being the root.
func parent(name []byte) []byte {
	return name[:max(0, bytes.LastIndexByte(name, '/'))]
}

// text is a name as JSON can hold it: bytes that are not UTF-8 become \xNN. A
// name that is too long for any file system is cut.
func text(name []byte) string {
	if len(name) > longest {
		return text(name[:longest-len("...")]) + "..."
	}
	if utf8.Valid(name) {
		return string(name)
	}
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.Write(name[:n])
		}
		name = name[n:]
	}
	return b.String()
}
