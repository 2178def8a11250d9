package tarwalk

import (
	"io"
	"math"
)

// A Skipper is a reader that can pass over bytes without reading them.
type Skipper interface {
	io.Reader
	// Skip moves on by n bytes; io.ErrUnexpectedEOF where there are fewer, and
	// then it may have moved or not.
	Skip(n int64) error
}

// Section is the n bytes of r from off on. To skip costs nothing, not even a
// system call. If r turns out to end before, the error is
// io.ErrUnexpectedEOF.
func Section(r io.ReaderAt, off, n int64) Skipper {
	off = max(off, 0)
	n = min(max(n, 0), math.MaxInt64-off)
	return &section{r: r, off: off, end: off + n}
}

type section struct {
	r        io.ReaderAt
	off, end int64
	last     [1]byte
}

func (s *section) Read(p []byte) (int, error) {
	if s.off == s.end {
		return 0, io.EOF
	}
	n, err := s.r.ReadAt(p[:min(int64(len(p)), s.end-s.off)], s.off)
	s.off += int64(n)
	if err != io.EOF {
		return n, err
	}
	if n > 0 {
		return n, nil
	}
	return 0, io.ErrUnexpectedEOF
}

// Skip looks at the last byte where it comes to the end, since nothing will be
// read after it that would show that r is too short.
func (s *section) Skip(n int64) error {
	if n < 0 || n > s.end-s.off {
		return io.ErrUnexpectedEOF
	}
	s.off += n
	if n == 0 || s.off < s.end {
		return nil
	}
	if m, err := s.r.ReadAt(s.last[:], s.end-1); m == 1 {
		return nil
	} else if err != io.EOF {
		return err
	}
	return io.ErrUnexpectedEOF
}
