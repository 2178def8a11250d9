package tarwalk

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math"
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

// sparseHeader takes the true name and size, which the block cannot hold.
func (r *Reader) sparseHeader() error {
	v := &r.pax.values
	if len(v[sparseName]) > 0 {
		r.h.Name = v[sparseName]
	}
	size := v[sparseSize]
	if len(size) == 0 {
		size = v[sparseRealSize]
	}
	if len(size) > 0 {
		n, ok := decimal(size)
		if !ok {
			return malformed("sparse size")
		}
		r.h.Size = n
	}
	if r.h.Size < 0 {
		return malformed("sparse size")
	}
	return nil
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
		if pairs, err = r.win.next(blockSize); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
}

// sparse0 checks the map of formats 0.0 and 0.1, which is in the records.
func (r *Reader) sparse0() error {
	v := &r.pax.values
	n, ok := decimal(v[sparseNumBlocks])
	if !ok || n < 0 || n > math.MaxInt64/2 {
		return malformed("sparse map")
	}
	return checkMap(r.h.Size, v[sparseMap], ',', n)
}

// sparse1 checks the map of format 1.0: decimal numbers, one a line, in front
// of the data and padded to a whole block. The first is how many pairs follow.
func (r *Reader) sparse1() error {
	r.scratch = r.scratch[:0]
	lines, err := r.mapLines(1)
	if err != nil {
		return err
	}
	first := bytes.IndexByte(r.scratch, '\n')
	n, ok := decimal(r.scratch[:first])
	if !ok || n < 0 || n > math.MaxInt64/2 {
		return malformed("sparse map")
	}
	if n == 0 {
		return nil
	}
	if _, err := r.mapLines(1 + 2*n - lines); err != nil {
		return err
	}
	pairs := r.scratch[first+1:]
	end := 0
	for range 2 * n {
		end += bytes.IndexByte(pairs[end:], '\n') + 1
	}
	return checkMap(r.h.Size, pairs[:end-1], '\n', n)
}

// mapLines reads blocks of the body into scratch until it has read n lines, and
// not one block more. It returns how many lines it read.
func (r *Reader) mapLines(n int64) (lines int64, err error) {
	for lines < n {
		if len(r.scratch)+blockSize > maxSpecial {
			return 0, errSparseTooLong
		}
		if r.body < blockSize {
			return 0, io.ErrUnexpectedEOF
		}
		b, err := r.win.next(blockSize)
		if err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
		r.body -= blockSize
		r.scratch = append(r.scratch, b...)
		lines += int64(bytes.Count(b, []byte{'\n'}))
	}
	return lines, nil
}

// checkMap reads n pairs of decimal numbers, with sep between any two.
func checkMap(size int64, pairs []byte, sep byte, n int64) error {
	m := extents{size: size}
	more := len(pairs) > 0
	field := func() (x int64, ok bool) {
		var f []byte
		if !more {
			return 0, false
		}
		f, pairs, more = bytes.Cut(pairs, []byte{sep})
		return decimal(f)
	}
	for range n {
		offset, ok1 := field()
		length, ok2 := field()
		if !ok1 || !ok2 || !m.add(offset, length) {
			return malformed("sparse map")
		}
	}
	if more {
		return malformed("sparse map")
	}
	return nil
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
