package tarwalk

import "io"

// Headers are the entries of an archive, one after another: those of a [Reader], or what
// was kept of them.
type Headers interface {
	// Next is that of a Reader.
	Next() (*Header, error)
	// Read reads from the body of the current entry.
	io.Reader
}

// Reader walks the entries of one archive. It is a [Skipper] over the body of
// the current entry, so that an archive in an archive can be walked without
// reading more than its headers.
type Reader struct {
	win  window
	h    Header
	at   int64 // the header block that is being read
	body int64 // what is left of the current body
	pad  int   // and the zeros after it
	err  error // ended the walk

	name, link         []byte // as in the header block
	longName, longLink []byte // as in GNU's extended headers
	pax                pax
	scratch            []byte
}

// NewReader starts at the beginning of r. Bodies are passed over with Skip
// where r is a [Skipper], and read otherwise: give it a [Section] of a file.
// It reads ahead, so r is not left at the end of the archive.
func NewReader(r io.Reader) *Reader { return &Reader{win: newWindow(r)} }

// Next moves on to the next entry. It returns io.EOF at the end of the archive,
// and an [*OffsetError] if it cannot be read. The Header is overwritten by
// the next call.
func (r *Reader) Next() (*Header, error) {
	if r.err == nil {
		_ = r.fail(r.next())
	}
	if r.err != nil {
		return nil, r.err
	}
	return &r.h, nil
}

// Read reads from the body of the current entry, and returns io.EOF at its end.
// The body of a sparse file is what the archive holds of it: the pieces one
// after another, without the holes and without the map.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.body == 0 {
		return 0, io.EOF
	}
	n, err := r.win.read(p[:min(int64(len(p)), r.body)])
	r.body -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, r.fail(err)
}

// Skip passes over n bytes of the body of the current entry.
func (r *Reader) Skip(n int64) error {
	if r.err != nil {
		return r.err
	}
	if n < 0 || n > r.body {
		return io.ErrUnexpectedEOF
	}
	r.body -= n
	return r.fail(r.win.discard(n))
}

// fail keeps the first error, for good.
func (r *Reader) fail(err error) error {
	if err == nil || r.err != nil {
		return r.err
	}
	if r.err = err; err != io.EOF {
		r.err = &OffsetError{r.at, err}
	}
	return r.err
}
