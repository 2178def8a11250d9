package tarwalk

import (
	"bytes"
	"io"
	"math"
)

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
		b, err := r.win.must(blockSize)
		if err != nil {
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
