package tarwalk

import "io"

// Sizes of the window in bytes. If bodies are skipped, what was read of them
// is waste, so the window is small; a stream is read whole, in few calls.
const (
	skipWindow   = 32 << 10
	streamWindow = 64 << 10
)

// window is the part of the archive that is in memory. All reading of the
// archive goes through it.
type window struct {
	src  io.Reader
	skip Skipper // src, if it is one
	buf  []byte
	pos  int // buf[pos:end] was read from src and is not used yet
	end  int
	base int64 // where buf[0] is in the archive
	err  error // the last error of src
}

func newWindow(r io.Reader) window {
	if s, ok := r.(Skipper); ok {
		return window{src: r, skip: s, buf: make([]byte, skipWindow)}
	}
	return window{src: r, buf: make([]byte, streamWindow)}
}

// offset is the place of the next unused byte in the archive.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// next returns the next n bytes, which are valid until the next call of any
// method. The error is io.EOF if there is no byte left, and
// io.ErrUnexpectedEOF where there are fewer than n.
func (w *window) next(n int) ([]byte, error) {
	if w.end-w.pos < n {
		if err := w.fill(n); err != nil {
			return nil, err
		}
	}
	b := w.buf[w.pos : w.pos+n]
	w.pos += n
	return b, nil
}

// must is next inside an entry, where the archive must not end.
func (w *window) must(n int) ([]byte, error) {
	b, err := w.next(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// fill reads until n bytes are unused; n is at most the size of the window.
func (w *window) fill(n int) error {
	w.base += int64(w.pos)
	w.end = copy(w.buf, w.buf[w.pos:w.end])
	w.pos = 0
	for idle := 0; w.end < n; idle++ {
		if w.err == io.EOF && w.end > 0 {
			return io.ErrUnexpectedEOF
		}
		if w.err != nil {
			return w.err
		}
		var m int
		m, w.err = w.src.Read(w.buf[w.end:])
		w.end += m
		if m > 0 {
			idle = 0
		} else if idle == 100 && w.err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return nil
}

// read is Read of io.Reader.
func (w *window) read(p []byte) (int, error) {
	if w.pos == w.end {
		if len(p) >= len(w.buf) && w.err == nil {
			return w.readPast(p)
		}
		if err := w.fill(1); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.buf[w.pos:w.end])
	w.pos += n
	return n, nil
}

// readPast reads straight into p, the window being empty.
func (w *window) readPast(p []byte) (n int, err error) {
	n, w.err = w.src.Read(p)
	w.base += int64(w.pos) + int64(n)
	w.pos, w.end = 0, 0
	if n > 0 {
		return n, nil
	}
	return 0, w.err
}

// discard passes over n bytes; io.ErrUnexpectedEOF where there are fewer.
func (w *window) discard(n int64) error {
	for n > int64(w.end-w.pos) {
		n -= int64(w.end - w.pos)
		w.pos = w.end
		if w.skip != nil {
			return w.skipPast(n)
		}
		if err := w.fill(1); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
	w.pos += int(n)
	return nil
}

// skipPast lets src pass over n bytes, the window being empty.
func (w *window) skipPast(n int64) error {
	if w.err != nil && w.err != io.EOF {
		return w.err
	}
	if err := w.skip.Skip(n); err != nil {
		return err
	}
	w.base += int64(w.pos) + n
	w.pos, w.end = 0, 0
	return nil
}
