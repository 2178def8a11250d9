package tarwalk

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Values are what [Edit] can change of an entry. UID and GID are 0 or more.
type Values struct{ UID, GID, Size int64 }

// ErrSparse is for a change of the size of a sparse file.
var ErrSparse = errors.New("the size of a sparse file cannot be changed")

// Edit gives the header blocks of an entry, those from its Offset to its BodyOffset, with
// other values. Only what differs is written: the number in the entry's own block, the
// PAX records that stand for it, the length of those, and checksums. All other bytes stay.
func Edit(head []byte, from, to Values) ([]byte, error) {
	out := make([]byte, 0, len(head)+blockSize)
	for {
		if len(head) < blockSize {
			return nil, malformed("header blocks")
		}
		b := (*block)(head)
		size, ok := numeric(b[124:136])
		switch b[156] {
		case tar.TypeXHeader, tar.TypeGNULongName, tar.TypeGNULongLink:
		default:
			e := *b
			e.set(from, to)
			return append(append(out, e[:]...), head[blockSize:]...), nil
		}
		end := blockSize + size + -size&(blockSize-1)
		if !ok || size < 0 || size > maxSpecial || end > int64(len(head)) {
			return nil, malformed("extended header")
		}
		part := head[:end]
		if b[156] == tar.TypeXHeader {
			var err error
			if part, err = editRecords(part, int(size), from, to); err != nil {
				return nil, err
			}
		}
		out, head = append(out, part...), head[end:]
	}
}

// set writes the numbers that differ into the block of a file.
func (b *block) set(from, to Values) {
	if from.UID != to.UID {
		putNumber(b[108:116], to.UID)
	}
	if from.GID != to.GID {
		putNumber(b[116:124], to.GID)
	}
	if from.Size != to.Size {
		putNumber(b[124:136], to.Size)
	}
	b.seal()
}

// seal writes the checksum.
func (b *block) seal() {
	copy(b[148:156], "        ")
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", b.sum()))
}

// putNumber writes a number field as archive/tar does: octal, and in base 256 what is too
// large for that.
func putNumber(field []byte, n int64) {
	if digits := len(field) - 1; n < 1<<(3*digits) {
		copy(field, fmt.Sprintf("%0*o\x00", digits, n))
		return
	}
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = byte(n)
		n >>= 8
	}
	field[0] |= 0x80
}

// editRecords changes the records of a PAX header: its block, and size bytes behind it.
func editRecords(part []byte, size int, from, to Values) ([]byte, error) {
	var body []byte
	changed := false
	for rest := part[blockSize : blockSize+size]; len(rest) > 0; {
		key, value, next, ok := cutRecord(rest)
		if !ok {
			return nil, malformed("PAX record")
		}
		n, differs := newValue(key, from, to)
		switch {
		case from.Size != to.Size && bytes.HasPrefix(key, []byte("GNU.sparse.")):
			return nil, ErrSparse
		case differs && len(value) > 0:
			body, changed = appendRecord(body, string(key), n), true
		default:
			body = append(body, rest[:len(rest)-len(next)]...)
		}
		rest = next
	}
	if !changed {
		return part, nil
	}
	b := *(*block)(part)
	putNumber(b[124:136], int64(len(body)))
	b.seal()
	return append(append(b[:], body...), make([]byte, -len(body)&(blockSize-1))...), nil
}

// newValue is what a record becomes, and whether it changes.
func newValue(key []byte, from, to Values) (int64, bool) {
	switch recordOf(key) {
	case paxUID:
		return to.UID, from.UID != to.UID
	case paxGID:
		return to.GID, from.GID != to.GID
	case paxSize:
		return to.Size, from.Size != to.Size
	}
	return 0, false
}

// appendRecord appends "%d %s=%s\n", the number being the length of it all.
func appendRecord(dst []byte, key string, n int64) []byte {
	text := " " + key + "=" + strconv.FormatInt(n, 10) + "\n"
	length := len(text)
	for length != len(text)+len(strconv.Itoa(length)) {
		length = len(text) + len(strconv.Itoa(length))
	}
	return append(strconv.AppendInt(dst, int64(length), 10), text...)
}
