package rewrite

import (
	"errors"
	"io"
)

// maxPending bounds what is held of an archive, in bytes: the headers of one entry, of
// which each may have 1 MiB, and a window.
const maxPending = 8 << 20

var errHeaders = errors.New("the headers of one entry take more than 8 MiB")

// recorder holds what a [tarwalk.Reader] has read of an archive, until it is written.
type recorder struct {
	src  io.Reader
	buf  []byte // buf[at:] is held
	at   int
	base int64 // where buf[at] is in the archive
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if len(r.buf)-r.at+n > maxPending {
		return 0, errHeaders
	}
	if r.at > 0 && len(r.buf)+n > cap(r.buf) {
		r.buf = append(r.buf[:0], r.buf[r.at:]...)
		r.at = 0
	}
	r.buf = append(r.buf, p[:n]...)
	return n, err
}

// upTo takes what is held before an offset. It is valid until the next read.
func (r *recorder) upTo(offset int64) []byte {
	return r.take(int(min(max(0, offset-r.base), int64(r.held()))))
}

// take takes the next n bytes of what is held.
func (r *recorder) take(n int) []byte {
	b := r.buf[r.at : r.at+n : r.at+n]
	r.at += n
	r.base += int64(n)
	return b
}

func (r *recorder) held() int { return len(r.buf) - r.at }
