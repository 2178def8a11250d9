package headers

import (
	"encoding/binary"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// A record writes events. Its first error ends it.
type record struct {
	w    io.Writer
	kept []byte // bytes of the tar that are not written yet
	gap  uint64
	err  error
}

// take takes the next bytes of the tar.
func (r *record) take(p []byte) {
	r.endGap()
	for len(p) > 0 {
		n := min(len(p), maxEvent-len(r.kept))
		r.kept, p = append(r.kept, p[:n]...), p[n:]
		if len(r.kept) == maxEvent {
			r.endBytes()
		}
	}
}

// leaveOut takes n bytes of the tar that are not sent.
func (r *record) leaveOut(n int64) {
	r.endBytes()
	r.gap += uint64(n)
}

func (r *record) endBytes() {
	if len(r.kept) > 0 {
		r.number(uint64(len(r.kept))<<1 | 1)
		r.write(r.kept)
		r.kept = r.kept[:0]
	}
}

func (r *record) endGap() {
	if r.gap > 0 {
		r.number(r.gap << 1)
		r.gap = 0
	}
}

// end writes what came of reading the blob.
func (r *record) end(got unpack.Result, flags byte) {
	r.endBytes()
	r.endGap()
	r.number(0)
	r.write([]byte{flags | byte(got.Form)<<formShift})
	text := ""
	if got.Err != nil {
		text = got.Err.Error()
	}
	for _, s := range []string{got.Sum.String(), text[:min(len(text), maxText)]} {
		r.number(uint64(len(s)))
		r.write([]byte(s))
	}
}

func (r *record) number(n uint64) { r.write(binary.AppendUvarint(nil, n)) }

func (r *record) write(p []byte) {
	if r.err == nil {
		_, r.err = r.w.Write(p)
	}
}

// A recorder is a tar that records what is read of it, and how much is passed over.
// It gives one block at a time, so that no more is read than is asked for.
type recorder struct {
	tar io.Reader
	to  *record
	at  int64
}

// Read reads up to the end of a block.
func (r *recorder) Read(p []byte) (int, error) {
	if r.to.err != nil {
		return 0, r.to.err
	}
	n, err := r.tar.Read(p[:min(int64(len(p)), blockSize-r.at%blockSize)])
	r.at += int64(n)
	r.to.take(p[:n])
	return n, err
}

// Skip passes over n bytes, which are read if there is no other way.
func (r *recorder) Skip(n int64) error {
	var err error
	if s, ok := r.tar.(tarwalk.Skipper); ok {
		err = s.Skip(n)
	} else if _, err = io.CopyN(io.Discard, r.tar, n); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		r.at += n
		r.to.leaveOut(n)
	}
	return err
}
