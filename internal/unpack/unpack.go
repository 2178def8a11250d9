// Package unpack reads the tar that a blob of an image holds: it finds out how the blob
// is compressed, and hashes it as it comes by. It knows nothing of images, and
// nothing of engines, so that what runs on a host can be small.
package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Form is what a blob holds, by its first bytes: neither names nor media
// types are believed, as dockerd does not believe them (DetectCompression of
// pkg/archive).
type Form int

// The forms.
const (
	Unknown Form = iota
	PlainTar
	Gzip
	Zstd
	Bzip2
	XZ
	JSON
)

// HeadSize is how many bytes Sniff needs to see: a tar header.
const HeadSize = 512

var emptyTar [HeadSize]byte // a layer without files begins with the end of a tar

// Sniff tells what a blob holds by its first HeadSize bytes, or all that it has.
func Sniff(head []byte) Form {
	switch {
	case len(head) == 0 || tarwalk.IsHeader(head) || bytes.Equal(head, emptyTar[:]):
		return PlainTar
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), skippable(head):
		return Zstd
	case bytes.HasPrefix(head, []byte("BZh")):
		return Bzip2
	case bytes.HasPrefix(head, xzMagic):
		return XZ
	}
	if text := bytes.TrimLeft(head, " \t\r\n"); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return JSON
	}
	return Unknown
}

// skippable finds the frame that a zstd stream may begin with (RFC 8878, 3.1.2).
func skippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
}

// Deflate cannot expand by more than 1,032, and the layers of real images do by
// far less than maxRatio; what starts small is given slack.
const (
	maxRatio  = 1100
	slack     = 4 << 30 // bytes
	maxWindow = 128 << 20
)

// An Unpacker decompresses one blob, and refuses one that swells without end.
type Unpacker struct {
	r    io.Reader
	end  func()
	form string
	src  *bufio.Reader
	in   *Meter
	out  int64
}

// Open gives what a blob holds: itself, or its contents where it is
// compressed. The caller closes it. src reads from in.
func Open(src *bufio.Reader, in *Meter) (*Unpacker, error) {
	head, err := src.Peek(HeadSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	u := &Unpacker{r: src, end: func() {}, src: src, in: in}
	switch Sniff(head) {
	case Gzip:
		u.form = "gzip"
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, u.wrap(err)
		}
		u.r = &members{z: z, src: src}
	case Zstd:
		u.form = "zstd"
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(false), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, u.wrap(err)
		}
		u.r, u.end = z, z.Close
	case Bzip2:
		u.form, u.r = "bzip2", bzip2.NewReader(src)
	case XZ:
		u.form = "xz"
		z, err := newXZ(src)
		if err != nil {
			return nil, u.wrap(err)
		}
		u.r = z
	case PlainTar:
	default:
		return nil, NotTar(head)
	}
	return u, nil
}

// members reads the members of a gzip file, and passes over what follows the last, as
// unpigz does, with which dockerd unpacks (cmdStream of pkg/archive). Tapes and
// some programs fill the last block up with zeros.
type members struct {
	z   *gzip.Reader
	src *bufio.Reader
}

func (m *members) Read(p []byte) (int, error) {
	m.z.Multistream(false)
	n, err := m.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if next, _ := m.src.Peek(len(gzipMagic)); !bytes.Equal(next, gzipMagic) {
		return n, io.EOF
	}
	return n, m.z.Reset(m.src)
}

var gzipMagic = []byte{0x1f, 0x8b, 8}

// Packed reports whether it is the form of something compressed.
func (f Form) Packed() bool { return f == Gzip || f == Zstd || f == Bzip2 || f == XZ }

// Form is PlainTar, or how the blob is compressed.
func (u *Unpacker) Form() Form {
	switch u.form {
	case "gzip":
		return Gzip
	case "zstd":
		return Zstd
	case "bzip2":
		return Bzip2
	case "xz":
		return XZ
	}
	return PlainTar
}

func (u *Unpacker) packed() bool { return u.form != "" }

// Close lets go of what decompressing took.
func (u *Unpacker) Close() { u.end() }

// Out is how many bytes were read.
func (u *Unpacker) Out() int64 { return u.out }

// Read reads what was decompressed.
func (u *Unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.out += int64(n)
	switch {
	case !u.packed():
	case u.out-slack > maxRatio*u.in.n:
		return 0, fmt.Errorf("the blob expands more than 1,100 times: after %d bytes of it, %d have come out", u.in.n, u.out)
	case err != nil && err != io.EOF:
		err = u.wrap(err)
	}
	return n, err
}

func (u *Unpacker) wrap(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("unpacking %s near byte %d of the blob: %w", u.form, u.in.n-int64(u.src.Buffered()), err)
}

// NotTar says what a blob is instead of a tar that can be read.
func NotTar(head []byte) error {
	return fmt.Errorf("it is not a tar: it begins with %s", strings.ToValidUTF8(fmt.Sprintf("%.24q", head), "?"))
}
