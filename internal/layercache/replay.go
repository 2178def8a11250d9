package layercache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/klauspost/compress/zstd"
)

const window = 256 << 10

// encoders are used again: one takes some MiB.
var encoders = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // options that are constants
	}
	return z
}}

func encoder(w io.Writer) *zstd.Encoder {
	z := encoders.Get().(*zstd.Encoder)
	z.Reset(w)
	return z
}

var decoders = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		panic(err) // options that are constants
	}
	return z
}}

// Layer has visit read the headers of a layer that was kept under a name. It is false if
// there is none, or if it is damaged, which may be found out when visit has read most of it.
func (c *Cache) Layer(id string, visit func(tarwalk.Headers) error) bool {
	return c != nil && id != "" && c.replay(nameOf(id), visit) == nil
}

func (c *Cache) replay(name string, visit func(tarwalk.Headers) error) error {
	f, err := c.open(c.resolve(name), kindLayer)
	if err != nil {
		return err
	}
	defer f.Close()
	z := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(z)
	if err := z.Reset(bufio.NewReaderSize(f, 64<<10)); err != nil {
		return err
	}
	defer func() { _ = z.Reset(nil) }()
	r := &player{r: bufio.NewReaderSize(io.LimitReader(z, maxRaw+1), 64<<10)}
	if err := visit(r); err != nil {
		return err
	}
	if r.err != io.EOF { // visit has not seen whether the checksum is right
		return errEntry
	}
	return nil
}

// A player gives the headers that were kept.
type player struct {
	r     *bufio.Reader
	h     tarwalk.Header
	read  int64 // of the body
	left  int   // of what was kept of it
	whole bool  // there is no more of it
	count uint64
	err   error
}

// Next gives the next header.
func (p *player) Next() (*tarwalk.Header, error) {
	if p.err == nil {
		p.err = p.next()
	}
	if p.err != nil {
		return nil, p.err
	}
	return &p.h, nil
}

// Read reads from what was kept of the body. Who kept it may have read less of it than is
// wanted now: then the layer itself has to be read.
func (p *player) Read(b []byte) (int, error) {
	switch {
	case p.err != nil:
		return 0, p.err
	case p.left > 0:
	case p.whole || p.read == p.h.Size:
		return 0, io.EOF
	default:
		p.err = errNotKept
		return 0, p.err
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left, p.read = p.left-n, p.read+int64(n)
	p.err = damaged(err)
	return n, p.err
}

var errNotKept = errors.New("this body was not kept")

// damaged: an entry ends nowhere but behind its end.
func damaged(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (p *player) next() error {
	if _, err := p.r.Discard(p.left); err != nil {
		return damaged(err)
	}
	p.left, p.read = 0, 0
	flags, err := p.r.ReadByte()
	if err != nil {
		return damaged(err)
	}
	if flags == theEnd {
		return p.end()
	}
	if flags >= theEnd {
		return errEntry
	}
	p.count++
	return damaged(p.entry(flags))
}

// end reads up to the checksum.
func (p *player) end() error {
	n, err := binary.ReadUvarint(p.r)
	if err != nil {
		return damaged(err)
	}
	if n != p.count {
		return errEntry
	}
	if _, err = p.r.ReadByte(); err == nil {
		return errEntry
	}
	return err
}

func (p *player) entry(flags byte) (err error) {
	if flags&newOwner != 0 {
		if p.h.UID, err = binary.ReadVarint(p.r); err != nil {
			return err
		}
		if p.h.GID, err = binary.ReadVarint(p.r); err != nil {
			return err
		}
	}
	if flags&newType != 0 {
		if p.h.Type, err = p.r.ReadByte(); err != nil {
			return err
		}
	}
	p.whole = flags&allBody != 0
	p.h.Size = 0
	if flags&hasSize != 0 {
		if p.h.Size, err = binary.ReadVarint(p.r); err != nil {
			return err
		}
	}
	if err := p.readName(); err != nil {
		return err
	}
	if flags&hasBody != 0 {
		p.left, err = p.length(maxBody)
	}
	return err
}

func (p *player) readName() error {
	shared, err := p.length(len(p.h.Name))
	if err != nil {
		return err
	}
	more, err := p.length(maxName - shared)
	if err != nil {
		return err
	}
	p.h.Name = slices.Grow(p.h.Name[:shared], more)[:shared+more]
	_, err = io.ReadFull(p.r, p.h.Name[shared:])
	return err
}

// length reads a number that is not above a bound.
func (p *player) length(most int) (int, error) {
	n, err := binary.ReadUvarint(p.r)
	if err != nil {
		return 0, err
	}
	if n > uint64(most) {
		return 0, errEntry
	}
	return int(n), nil
}
