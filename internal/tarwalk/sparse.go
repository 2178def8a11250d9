package tarwalk

import (
	"archive/tar"
	"errors"
)

// errSparseTooLong is for the map of a sparse file over 1 MiB.
var errSparseTooLong = errors.New("sparse map over 1 MiB")

// sparse reads the map of a sparse file, in any of GNU's four formats ("Storing
// Sparse Files" in the GNU tar manual). The map is only held to the rules of
// archive/tar: nothing is expanded, and whether the body is as long as the map
// says is not asked. (archive/tar finds that out as the body is read.)
func (r *Reader) sparse(b *block, f format) error {
	if r.h.Type == tar.TypeGNUSparse {
		return r.sparseOldGNU(b, f)
	}
	if !r.pax.present {
		return nil
	}
	v := &r.pax.values
	major, minor := string(v[sparseMajor]), string(v[sparseMinor])
	switch {
	case major == "1" && minor == "0", major == "0" && (minor == "0" || minor == "1"):
	case major != "" || minor != "":
		return nil // a version from the future: an ordinary file to archive/tar
	case len(v[sparseMap]) == 0:
		return nil
	}
	if err := r.sparseHeader(); err != nil {
		return err
	}
	if hasNoBody(r.h.Type) {
		return malformed("sparse entry: its type has no body")
	}
	if major == "1" {
		return r.sparse1()
	}
	return r.sparse0()
}

// sparseOldGNU reads the map of an entry of type 'S': four pairs in the header
// block, 21 in each block that follows it. The body comes after those.
func (r *Reader) sparseOldGNU(b *block, f format) error {
	const perHeader, perBlock = 4, 21
	size, ok := numeric(b[483:495])
	if f != formatGNU || !ok || size < 0 {
		return malformed("old GNU sparse entry")
	}
	r.h.Size = size
	m := extents{size: size}
	for pairs, n, blocks := b[386:], perHeader, 0; ; n, blocks = perBlock, blocks+1 {
		if 24*perHeader+1+blocks*blockSize >= maxSpecial {
			return errSparseTooLong
		}
		if !m.addOldGNU(pairs[:24*n]) {
			return malformed("sparse map")
		}
		if pairs[24*n] == 0 {
			return nil
		}
		var err error
		if pairs, err = r.win.must(blockSize); err != nil {
			return err
		}
	}
}

// extents holds the pieces of a sparse file to the rules: in order, apart, and
// inside the file.
type extents struct{ size, end int64 }

func (m *extents) add(offset, length int64) bool {
	if length < 0 || offset < m.end || offset > m.size || length > m.size-offset {
		return false
	}
	m.end = offset + length
	return true
}

// addOldGNU adds pairs of number fields, up to the first that is not used.
func (m *extents) addOldGNU(pairs []byte) bool {
	for ; len(pairs) > 0 && pairs[0] != 0; pairs = pairs[24:] {
		offset, ok1 := numeric(pairs[:12])
		length, ok2 := numeric(pairs[12:24])
		if !ok1 || !ok2 || !m.add(offset, length) {
			return false
		}
	}
	return true
}
