package tarwalk

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
)

const blockSize = 512

// block is a header block. Where its fields are: tar(5) of FreeBSD, and
// "Basic Tar Format" of the GNU tar manual.
type block [blockSize]byte

// format is a flavour of header block.
type format int

const (
	formatV7 format = iota
	formatUSTAR
	formatSTAR
	formatGNU
)

// IsHeader reports whether a tar archive can start with b: whether its first 512
// bytes are a header block with a valid checksum. An archive without entries,
// which is nothing but zeros, is not told from other zeros.
func IsHeader(b []byte) bool {
	if len(b) < blockSize {
		return false
	}
	h := (*block)(b)
	return h.valid(h.sum())
}

// lanes are the low bytes of the 16-bit lanes of a word.
const lanes = 0x00ff00ff00ff00ff

// addBytes adds the eight bytes of x in pairs, one pair a lane.
func addBytes(x uint64) uint64 { return x&lanes + x>>8&lanes }

// addLanes adds the lanes of x.
func addLanes(x uint64) uint64 {
	x = x&0x0000ffff0000ffff + x>>16&0x0000ffff0000ffff
	return x>>32 + x&0xffffffff
}

// sum adds all bytes of the block, eight at a time: a lane takes 128 of them,
// for which it has room. Half of most blocks is zeros, which add nothing.
func (b *block) sum() uint64 {
	var acc uint64
	for p := b[:]; len(p) >= 32; p = p[32:] {
		w, x := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
		y, z := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		if w|x|y|z != 0 {
			acc += addBytes(w) + addBytes(x) + addBytes(y) + addBytes(z)
		}
	}
	return addLanes(acc)
}

// valid compares the checksum with the sum of all bytes. The checksum was made
// with spaces in its own place, of unsigned or (old Sun tar) of signed bytes.
func (b *block) valid(sum uint64) bool {
	field := binary.LittleEndian.Uint64(b[148:156])
	want, ok := checksum(field)
	unsigned := int64(sum-addLanes(addBytes(field))) + 8*' '
	if want == unsigned || !ok {
		return ok
	}
	signed := unsigned
	for i, c := range b {
		if c >= 0x80 && (i < 148 || i >= 156) {
			signed -= 256
		}
	}
	return want == signed
}

func (b *block) format() format {
	switch {
	case string(b[257:263]) == "ustar\x00":
		if string(b[508:512]) == "tar\x00" {
			return formatSTAR
		}
		return formatUSTAR
	case string(b[257:265]) == "ustar  \x00":
		return formatGNU
	}
	return formatV7
}

// fields reads the numbers of the block into h. Those that h has no room for
// are read as well, since archive/tar refuses a block where one is malformed.
func (b *block) fields(f format, h *Header) error {
	var bad string
	keep := func(n int64, ok bool, name string) int64 {
		if !ok {
			bad = name
		}
		return n
	}
	number8 := func(at int, name string) int64 {
		n, ok := numeric8((*[8]byte)(b[at:]))
		return keep(n, ok, name)
	}
	number12 := func(at int, name string) int64 {
		n, ok := numeric12((*[12]byte)(b[at:]))
		return keep(n, ok, name)
	}
	number8(100, "mode")
	h.UID = number8(108, "uid")
	h.GID = number8(116, "gid")
	h.Size = number12(124, "size")
	number12(136, "mtime")
	if f != formatV7 {
		number8(329, "device number")
		number8(337, "device number")
	}
	if f == formatSTAR {
		number12(476, "atime")
		number12(488, "ctime")
	}
	h.Type = b[156]
	if bad != "" {
		return malformed(bad)
	}
	return nil
}

// appendName appends the name of the entry, prefix included.
func (b *block) appendName(dst []byte, f format) []byte {
	if prefix := b.prefix(f); len(prefix) > 0 {
		dst = append(append(dst, prefix...), '/')
	}
	return append(dst, cString(b[0:100])...)
}

func (b *block) linkname() []byte { return cString(b[157:257]) }

func (b *block) prefix(f format) []byte {
	switch {
	case f == formatUSTAR, f == formatGNU && b.mangledByOldGo():
		return cString(b[345:500])
	case f == formatSTAR:
		return cString(b[345:476])
	}
	return nil
}

// mangledByOldGo reports whether a GNU block has a prefix where its times should
// be. Go before 1.8 wrote such blocks, and archive/tar still reads them.
func (b *block) mangledByOldGo() bool {
	for _, time := range [][]byte{b[345:357], b[357:369]} {
		if time[0] == 0 {
			continue
		}
		if _, ok := numeric(time); !ok {
			return bytes.IndexFunc(cString(b[345:500]), func(r rune) bool { return r >= 0x80 }) < 0
		}
	}
	return false
}

func malformed(what string) error { return fmt.Errorf("malformed %s: %w", what, tar.ErrHeader) }
