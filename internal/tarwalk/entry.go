package tarwalk

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
)

// maxSpecial bounds the body of an extended header, in bytes: that of
// archive/tar and libarchive.
const maxSpecial = 1 << 20

// next reads header blocks up to that of a file or a PAX global header.
func (r *Reader) next() error {
	r.pax.present = false
	r.longName, r.longLink = r.longName[:0], r.longLink[:0]
	for first := true; ; first = false {
		b, err := r.header()
		if err != nil {
			return err
		}
		if first {
			r.h.Offset = r.at
		}
		f := b.format()
		if err := b.fields(f, &r.h); err != nil {
			return err
		}
		if err := r.setBody(); err != nil {
			return err
		}
		switch r.h.Type {
		case tar.TypeXHeader:
			err = r.records()
		case tar.TypeGNULongName:
			r.longName, err = r.special(r.longName)
		case tar.TypeGNULongLink:
			r.longLink, err = r.special(r.longLink)
		case tar.TypeXGlobalHeader:
			r.name = b.appendName(r.name[:0], f)
			return r.global()
		default:
			return r.file(b, f)
		}
		if err != nil {
			return err
		}
	}
}

// header passes over the current body and returns the block after it. One block
// of zeros, or two, and the end of the archive are io.EOF.
func (r *Reader) header() (*block, error) {
	if err := r.win.discard(r.body); err != nil {
		return nil, err
	}
	r.body = 0
	if _, err := r.win.next(r.pad); err != nil {
		return nil, r.win.err // to archive/tar, padding may be cut short
	}
	r.pad = 0
	r.at = r.win.offset()
	raw, err := r.win.next(blockSize)
	if err != nil {
		return nil, err
	}
	b := (*block)(raw)
	sum := b.sum()
	if sum == 0 {
		return nil, r.end()
	}
	if !b.valid(sum) {
		return nil, malformed("checksum")
	}
	return b, nil
}

// end reads the second block of zeros.
func (r *Reader) end() error {
	raw, err := r.win.next(blockSize)
	if err != nil {
		return err
	}
	if (*block)(raw).sum() != 0 {
		return malformed("end of archive")
	}
	return io.EOF
}

// setBody takes the size of the body from the Header.
func (r *Reader) setBody() error {
	r.body = r.h.Size
	if hasNoBody(r.h.Type) {
		r.body = 0
	}
	if r.body < 0 {
		return malformed("size")
	}
	r.pad = int(-r.body & (blockSize - 1))
	return nil
}

// hasNoBody is for the types whose size is not that of a body.
func hasNoBody(typ byte) bool { return tar.TypeLink <= typ && typ <= tar.TypeFifo }

// special reads the body of an extended header into buf. A GNU long name ends
// at its first NUL.
func (r *Reader) special(buf []byte) ([]byte, error) {
	buf, err := r.whole(buf)
	return cString(buf), err
}

// records reads the body of a PAX header.
func (r *Reader) records() (err error) {
	if r.pax.buf, err = r.whole(r.pax.buf); err != nil {
		return err
	}
	return r.pax.parse()
}

// whole reads the current body into buf.
func (r *Reader) whole(buf []byte) ([]byte, error) {
	if r.body > maxSpecial {
		return buf, tar.ErrFieldTooLong
	}
	buf = slices.Grow(buf[:0], int(r.body))[:r.body]
	_, err := io.ReadFull(r, buf)
	return buf, err
}

// global makes the Header of a PAX global header. A record that is malformed
// does not matter, since none is applied but the name. (archive/tar stops at it
// in a map's random order, so there the name may be applied or not.)
func (r *Reader) global() error {
	if err := r.records(); err != nil {
		return err
	}
	name := r.name
	if v := r.pax.values[paxPath]; len(v) > 0 {
		name = v
	}
	r.h = Header{Name: name, Type: tar.TypeXGlobalHeader, Offset: r.h.Offset, BodyOffset: r.at + blockSize}
	return nil
}

// file makes the Header of a file out of its block and the extended headers
// before it.
func (r *Reader) file(b *block, f format) error {
	h := &r.h
	r.name = b.appendName(r.name[:0], f)
	r.link = append(r.link[:0], b.linkname()...)
	h.Name, h.Linkname = r.name, r.link
	if r.pax.present {
		if err := r.pax.merge(h); err != nil {
			return err
		}
	}
	if len(r.longName) > 0 {
		h.Name = r.longName
	}
	if len(r.longLink) > 0 {
		h.Linkname = r.longLink
	}
	if h.Type == 0 { // before POSIX, a directory was told by its name alone
		h.Type = tar.TypeReg
		if bytes.HasSuffix(h.Name, []byte{'/'}) {
			h.Type = tar.TypeDir
		}
	}
	if err := r.setBody(); err != nil {
		return err
	}
	if err := r.sparse(b, f); err != nil {
		return err
	}
	h.BodyOffset = r.win.offset()
	return nil
}
