package tarwalk

import (
	"bytes"
	"encoding/binary"
	"math"
)

// numeric8 reads a number field of 8 bytes: mode, owner and device numbers.
// What most writers leave there, seven octal digits and a NUL or a space, is
// read at once; the rest is left to numeric.
func numeric8(b *[8]byte) (int64, bool) {
	x := binary.LittleEndian.Uint64(b[:])
	digits := x<<8 ^ 0x3030303030303000 // a zero digit before the seven
	if digits&0xf8f8f8f8f8f8f800 == 0 && terminates(byte(x>>56)) {
		return octal8(digits), true
	}
	return numeric(b[:])
}

// numeric12 reads a number field of 12 bytes: size and times.
func numeric12(b *[12]byte) (int64, bool) {
	high := binary.LittleEndian.Uint64(b[:8]) ^ 0x3030303030303030
	x := binary.LittleEndian.Uint32(b[8:])
	low := x<<8 ^ 0x30303000
	if high&0xf8f8f8f8f8f8f8f8 == 0 && low&0xf8f8f800 == 0 && terminates(byte(x>>24)) {
		return octal8(high)<<9 | octal8(uint64(low)<<32), true
	}
	return numeric(b[:])
}

// checksum reads the checksum field: octal, in nearly all archives six digits
// and then a NUL and a space.
func checksum(x uint64) (int64, bool) {
	digits := x<<16 ^ 0x3030303030300000
	if digits&0xf8f8f8f8f8f80000 == 0 && terminates(byte(x>>48)) && terminates(byte(x>>56)) {
		return octal8(digits), true
	}
	var field [8]byte
	binary.LittleEndian.PutUint64(field[:], x)
	return octal(field[:])
}

func terminates(c byte) bool { return c == 0 || c == ' ' }

// octal8 joins eight octal digits, one a byte, the highest in the lowest byte.
func octal8(x uint64) int64 {
	x = x&0x00ff00ff00ff00ff<<3 | x>>8&0x00ff00ff00ff00ff
	x = x&0x0000ffff0000ffff<<6 | x>>16&0x0000ffff0000ffff
	return int64(x&0xffffffff<<12 | x>>32)
}

// numeric reads a number field: base 256 (GNU) where the highest bit of the
// first byte is set, octal otherwise. It is parseNumeric of archive/tar.
func numeric(b []byte) (int64, bool) {
	if b[0]&0x80 == 0 {
		return octal(b)
	}
	// A negative number is read as its complement: -a-1 == ^a.
	var inv byte
	if b[0]&0x40 != 0 {
		inv = 0xff
	}
	x := uint64((b[0] ^ inv) & 0x7f)
	for _, c := range b[1:] {
		if x>>56 > 0 {
			return 0, false
		}
		x = x<<8 | uint64(c^inv)
	}
	if x > math.MaxInt64 {
		return 0, false
	}
	if inv != 0 {
		return ^int64(x), true
	}
	return int64(x), true
}

// octal reads an octal number of at most 12 digits in any number of spaces and
// NULs. No digits are 0, and what stands between a NUL and the padding is
// ignored, as in archive/tar.
func octal(b []byte) (int64, bool) {
	var x int64
	for _, c := range cString(bytes.Trim(b, " \x00")) {
		if c < '0' || c > '7' {
			return 0, false
		}
		x = x<<3 | int64(c-'0')
	}
	return x, true
}

// cString is b up to its first NUL.
func cString(b []byte) []byte {
	if len(b) == 0 || b[0] == 0 { // most links and prefixes
		return b[:0]
	}
	if i := bytes.IndexByte(b, 0); i > 0 {
		return b[:i]
	}
	return b
}

// decimal is strconv.ParseInt(string(b), 10, 64).
func decimal(b []byte) (int64, bool) {
	limit := uint64(math.MaxInt64)
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		limit++
	}
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	var x uint64
	for _, c := range b {
		if c < '0' || c > '9' || x > limit/10 {
			return 0, false
		}
		if x = x*10 + uint64(c-'0'); x > limit {
			return 0, false
		}
	}
	if negative {
		x = -x
	}
	return int64(x), len(b) > 0
}
