package image

import (
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// section reads size bytes of f from off on, in windows, and skips by moving on.
func section(f io.ReaderAt, off, size int64) tarwalk.Skipper {
	return &window{f: f, off: off, end: off + size, buf: make([]byte, 16<<10)}
}

type window struct {
	f        io.ReaderAt
	off, end int64 // of what is not in have yet
	buf      []byte
	have     []byte
}

func (w *window) Read(p []byte) (int, error) {
	if len(w.have) == 0 {
		if w.off == w.end {
			return 0, io.EOF
		}
		n, err := w.f.ReadAt(w.buf[:min(int64(len(w.buf)), w.end-w.off)], w.off)
		if n == 0 {
			return 0, err
		}
		w.have, w.off = w.buf[:n], w.off+int64(n)
	}
	n := copy(p, w.have)
	w.have = w.have[n:]
	return n, nil
}

func (w *window) Skip(n int64) error {
	if n <= int64(len(w.have)) {
		w.have = w.have[n:]
		return nil
	}
	n -= int64(len(w.have))
	if n > w.end-w.off {
		return io.ErrUnexpectedEOF
	}
	w.have, w.off = nil, w.off+n
	return nil
}

// isTar holds the checksum of a tar's first header against it, or finds the
// zeros that end a tar with nothing in it.
func isTar(head []byte) bool {
	if len(head) < headSize {
		return false
	}
	var sum, signed, want int64
	for i, c := range head {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum, signed = sum+int64(c), signed+int64(int8(c))
	}
	for _, c := range head[148:156] {
		if c >= '0' && c <= '7' {
			want = want*8 + int64(c-'0')
		}
	}
	return sum == 8*' ' || sum == want || signed == want
}
