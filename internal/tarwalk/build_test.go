package tarwalk

import (
	"fmt"
	"strconv"
	"strings"
)

// end is the two blocks of zeros that end an archive.
var end = strings.Repeat("\x00", 2*blockSize)

// set changes a header block before it gets its checksum.
type set func(*block)

// at puts s at an offset of a header block.
func at(offset int, s string) set { return func(b *block) { copy(b[offset:], s) } }

// number puts an octal number into the field of n bytes at an offset.
func number(offset, n int, x int64) set { return at(offset, fmt.Sprintf("%0*o\x00", n-1, x)) }

func mode(s string) set   { return at(100, s) }
func uid(s string) set    { return at(108, s) }
func gid(s string) set    { return at(116, s) }
func size(s string) set   { return at(124, s) }
func mtime(s string) set  { return at(136, s) }
func link(s string) set   { return at(157, s) }
func major(s string) set  { return at(329, s) }
func minor(s string) set  { return at(337, s) }
func prefix(s string) set { return at(345, s) }

// v7, gnu and star turn a ustar block into one of another format.
func v7(b *block)   { clear(b[257:]) }
func gnu(b *block)  { v7(b); copy(b[257:], "ustar  \x00") }
func star(b *block) { v7(b); copy(b[257:], "ustar\x0000"); copy(b[508:], "tar\x00") }

// head is a header block: owner 1000:100, format ustar, unless changed.
func head(typ byte, name string, n int64, sets ...set) string {
	var b block
	for _, s := range append([]set{
		at(0, name), number(100, 8, 0o644), number(108, 8, 1000), number(116, 8, 100), number(124, 12, n),
		number(136, 12, 1), at(156, string(typ)), at(257, "ustar\x0000"), number(329, 8, 0), number(337, 8, 0),
	}, sets...) {
		s(&b)
	}
	seal(&b)
	return string(b[:])
}

// file is an entry with a body.
func file(typ byte, name, body string, sets ...set) string {
	return head(typ, name, int64(len(body)), sets...) + pad(body)
}

// pad fills the last block of s up.
func pad(s string) string { return s + strings.Repeat("\x00", -len(s)&(blockSize-1)) }

// extended is a PAX header with records key, value, key, value, …
func extended(typ byte, records ...string) string {
	return file(typ, "PaxHeaders", rec(records...))
}

func rec(records ...string) string {
	var s strings.Builder
	for i := 0; i < len(records); i += 2 {
		s.WriteString(oneRecord(records[i], records[i+1]))
	}
	return s.String()
}

func oneRecord(key, value string) string {
	body := " " + key + "=" + value + "\n"
	n := len(body)
	for n != len(body)+len(strconv.Itoa(n)) {
		n = len(body) + len(strconv.Itoa(n))
	}
	return strconv.Itoa(n) + body
}

// pair is one piece in the map of an old GNU sparse file.
func pair(offset, length int64) string { return fmt.Sprintf("%011o\x00%011o\x00", offset, length) }

// oldSparse is an entry of type 'S'; its header holds the pairs, and more says
// that blocks with more of them follow.
func oldSparse(name string, stored, size int64, pairs string, more bool, sets ...set) string {
	sets = append([]set{gnu, at(386, pairs), number(483, 12, size)}, sets...)
	if more {
		sets = append(sets, at(482, "\x01"))
	}
	return head('S', name, stored, sets...)
}

// moreSparse is a block that follows it.
func moreSparse(pairs string, more bool) string {
	b := []byte(pad(pairs + strings.Repeat("\x00", blockSize-len(pairs))))
	if more {
		b[504] = 1
	}
	return string(b)
}
