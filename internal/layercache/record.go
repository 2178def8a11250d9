package layercache

import (
	"encoding/binary"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/klauspost/compress/zstd"
)

// A layer is kept as a zstd stream, which ends in a checksum, of entries and an end.
// An entry is a byte of flags; what they say that follows; how many bytes of the name are those
// of the name before; and the others, with their length before them. Numbers are varints.
const (
	newOwner = 1 << iota // UID and GID follow, if they are not those of the entry before
	newType              // the same for a byte, the type flag
	hasSize              // the size follows, if it is not 0
	hasBody              // what was read of the body follows, with its length before it
	allBody              // there is no more of the body
	theEnd               // how many entries there were follows, and nothing else
)

// Bounds on what is kept of a layer, in bytes: that of a name is more than tarwalk gives.
const (
	maxName = 2 << 20
	maxBody = 2 << 20
	maxRaw  = 1 << 30 // before it is compressed
)

// A Recording keeps the headers of a layer while somebody else reads them, and what is
// read of bodies. It does not keep names of links, times, modes and offsets.
type Recording struct {
	c    *Cache
	from tarwalk.Headers
	to   *draft
	z    *zstd.Encoder

	last  tarwalk.Header // the name is in name
	name  []byte
	body  []byte // that was read of the last
	buf   []byte
	whole bool // there is no more of it
	count uint64
	raw   int64
	begun bool
	ended bool // the layer was read to its end
	err   error
}

// Record begins a recording, which is of no effect if it cannot be written.
func (c *Cache) Record() *Recording {
	if c == nil {
		return nil
	}
	r := &Recording{c: c}
	if r.to, r.err = c.draft(kindLayer); r.err == nil {
		r.z = encoder(r.to)
	}
	return r
}

// Tape gives the headers of a layer, and records what is read of them.
func (r *Recording) Tape(from tarwalk.Headers) tarwalk.Headers {
	if r == nil || r.err != nil {
		return from
	}
	r.from = from
	return r
}

// Next gives the next header.
func (r *Recording) Next() (*tarwalk.Header, error) {
	h, err := r.from.Next()
	if r.err != nil {
		return h, err
	}
	r.flush()
	switch err {
	case nil:
		r.note(h)
	case io.EOF:
		r.end()
	default:
		r.err = err
	}
	return h, err
}

// Read reads from the body of the current entry.
func (r *Recording) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	switch {
	case r.err != nil:
	case err != nil && err != io.EOF:
		r.err = err
	case len(r.body)+n > maxBody:
		r.err = errEntry
	default:
		r.body = append(r.body, p[:n]...)
		r.whole = r.whole || err == io.EOF
	}
	return n, err
}

// note takes a header, and writes it when it is known what was read of its body.
func (r *Recording) note(h *tarwalk.Header) {
	flags := byte(0)
	if !r.begun || h.UID != r.last.UID || h.GID != r.last.GID {
		flags |= newOwner
	}
	if !r.begun || h.Type != r.last.Type {
		flags |= newType
	}
	if h.Size != 0 {
		flags |= hasSize
	}
	shared := shared(r.name, h.Name)
	r.buf = append(r.buf[:0], flags)
	if flags&newOwner != 0 {
		r.buf = binary.AppendVarint(binary.AppendVarint(r.buf, h.UID), h.GID)
	}
	if flags&newType != 0 {
		r.buf = append(r.buf, h.Type)
	}
	if flags&hasSize != 0 {
		r.buf = binary.AppendVarint(r.buf, h.Size)
	}
	r.buf = binary.AppendUvarint(r.buf, uint64(shared))
	r.buf = binary.AppendUvarint(r.buf, uint64(len(h.Name)-shared))
	r.buf = append(r.buf, h.Name[shared:]...)
	r.last, r.begun = *h, true
	r.name = append(r.name[:shared], h.Name[shared:]...)
	if len(r.name) > maxName {
		r.err = errEntry
	}
	r.count++
}

func shared(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// flush writes the last entry.
func (r *Recording) flush() {
	if len(r.buf) == 0 || r.err != nil {
		return
	}
	if r.whole {
		r.buf[0] |= allBody
	}
	if len(r.body) > 0 {
		r.buf[0] |= hasBody
		r.buf = binary.AppendUvarint(r.buf, uint64(len(r.body)))
		r.write(r.buf)
		r.buf = append(r.buf[:0], r.body...)
	}
	r.write(r.buf)
	r.buf, r.body, r.whole = r.buf[:0], r.body[:0], false
}

func (r *Recording) end() {
	r.write(binary.AppendUvarint([]byte{theEnd}, r.count))
	r.ended = true
}

func (r *Recording) write(b []byte) {
	if r.raw += int64(len(b)); r.raw > maxRaw {
		r.err = errEntry
	}
	if r.err == nil {
		_, r.err = r.z.Write(b)
	}
}

// Keep keeps a layer that was read to its end under the first of some names, and the
// others as names of the same. Empty ones do not count. A layer that has no name, or was
// not recorded whole, is dropped.
func (r *Recording) Keep(ids ...string) {
	if r == nil || r.to == nil {
		return
	}
	defer r.free()
	first := ""
	for _, id := range ids {
		switch {
		case id == "":
		case first == "":
			if r.finish(nameOf(id)) != nil {
				return
			}
			first = id
		case id != first:
			r.c.write(nameOf(id), kindAlias, []byte(nameOf(first)))
		}
	}
}

func (r *Recording) finish(name string) error {
	if r.err == nil && !r.ended {
		r.err = errEntry
	}
	if r.err == nil {
		r.err = r.z.Close()
	}
	if r.err != nil {
		return r.err
	}
	to := r.to
	r.to = nil
	return to.keep(name)
}

// Drop keeps nothing.
func (r *Recording) Drop() { r.Keep() }

// free lets go of what was not kept.
func (r *Recording) free() {
	if r.to != nil {
		r.to.drop()
		r.to = nil
	}
	if r.z != nil {
		encoders.Put(r.z)
		r.z = nil
	}
}
