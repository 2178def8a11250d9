package rewrite

import (
	"archive/tar"
	"fmt"
	"strings"
)

// sparseLayers have one file of 70000 in each format that a sparse file can have.
var sparseLayers = map[string][]byte{
	"old GNU": []byte(sealed(func(b []byte) {
		number(b, 124, 12, 10)
		b[156] = tar.TypeGNUSparse
		copy(b[257:], "ustar  \x00")
		number(b, 386, 12, 512)
		number(b, 398, 12, 10)
		b[482] = 1
		number(b, 483, 12, 2048)
	}) + more() + padded("0123456789") + zeros),
	"PAX 0.1": []byte(extended("GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=s", "GNU.sparse.size=2048", "GNU.sparse.numblocks=1", "GNU.sparse.map=512,10", "uid=70000") +
		sealed(func(b []byte) { number(b, 124, 12, 10) }) + padded("0123456789") + zeros),
	"PAX 1.0": []byte(extended("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s", "GNU.sparse.realsize=2048", "uid=70000") +
		sealed(func(b []byte) { number(b, 124, 12, 522) }) + padded("1\n512\n10\n") + padded("0123456789") + zeros),
}

var zeros = strings.Repeat("\x00", 1024)

// more is the block behind one of an old GNU sparse file.
func more() string {
	b := make([]byte, 512)
	number(b, 0, 12, 2048)
	number(b, 12, 12, 0)
	return string(b)
}

func number(b []byte, at, n int, x int64) { copy(b[at:at+n], fmt.Sprintf("%0*o\x00", n-1, x)) }

func padded(s string) string { return s + strings.Repeat("\x00", -len(s)&511) }

// sealed is the block of a regular file of 70000 after some changes.
func sealed(set func([]byte)) string {
	b := make([]byte, 512)
	copy(b, "s")
	number(b, 100, 8, 0o644)
	number(b, 108, 8, 70000)
	number(b, 116, 8, 5)
	number(b, 136, 12, 1)
	b[156] = tar.TypeReg
	copy(b[257:], "ustar\x0000")
	set(b)
	seal(b)
	return string(b)
}

func seal(b []byte) {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
}

func retype(b []byte, typ byte) {
	b[156] = typ
	seal(b)
}

// extended is a PAX header.
func extended(records ...string) string {
	var body string
	for _, r := range records {
		n := len(r) + 3
		for n != len(fmt.Sprintf("%d %s\n", n, r)) {
			n = len(fmt.Sprintf("%d %s\n", n, r))
		}
		body += fmt.Sprintf("%d %s\n", n, r)
	}
	return sealed(func(b []byte) {
		number(b, 124, 12, int64(len(body)))
		b[156] = tar.TypeXHeader
	}) + padded(body)
}
