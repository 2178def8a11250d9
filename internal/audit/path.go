package audit

import (
	"bytes"
	"fmt"
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

// tidy says whether path.Clean would leave a relative name as it is, and where
// its last slash is.
func tidy(b []byte) (slash int, ok bool) {
	if len(b) == 0 || b[0] == '/' || b[len(b)-1] == '/' || dots(b) {
		return -1, false
	}
	slash = -1
	for {
		n := bytes.IndexByte(b[slash+1:], '/')
		if n < 0 {
			return slash, true
		}
		slash += n + 1
		if b[slash+1] == '/' || dots(b[slash+1:]) {
			return -1, false
		}
	}
}

// dots says whether b starts with the element "." or "..".
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
