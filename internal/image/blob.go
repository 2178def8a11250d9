package image

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A form is what a blob holds, by its first bytes: neither names nor media
// types are believed, as dockerd does not believe them (DetectCompression of
// pkg/archive).
type form int

const (
	unknown form = iota
	plainTar
	gzipped
	zstandard
	document // JSON
	bzip2ed
	xzed
)

const headSize = 512 // what sniff needs to see, a tar header's length

var emptyTar [headSize]byte // a layer without files begins with the end of a tar

func sniff(head []byte) form {
	switch {
	case len(head) == 0 || tarwalk.IsHeader(head) || bytes.Equal(head, emptyTar[:]):
		return plainTar
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		return gzipped
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), skippable(head):
		return zstandard
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2ed
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return xzed
	}
	if text := bytes.TrimLeft(head, " \t\r\n"); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return document
	}
	return unknown
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

// unpacker decompresses one blob, and refuses one that swells without end.
type unpacker struct {
	r     io.Reader
	close func()
	form  string
	src   *bufio.Reader
	in    *meter
	out   int64
}

// unpack gives what a blob holds: itself, or its contents where it is
// compressed. The caller closes it.
func unpack(src *bufio.Reader, in *meter) (*unpacker, error) {
	head, err := src.Peek(headSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	u := &unpacker{r: src, close: func() {}, src: src, in: in}
	switch sniff(head) {
	case gzipped:
		u.form = "gzip"
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, u.wrap(err)
		}
		u.r = z
	case zstandard:
		u.form = "zstd"
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(false), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, u.wrap(err)
		}
		u.r, u.close = z, z.Close
	case plainTar:
	default:
		return nil, notTar(head)
	}
	return u, nil
}

func (u *unpacker) packed() bool { return u.form != "" }

func (u *unpacker) Read(p []byte) (int, error) {
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

func (u *unpacker) wrap(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("unpacking %s near byte %d of the blob: %w", u.form, u.in.n-int64(u.src.Buffered()), err)
}

// notTar says what a blob is instead of a tar that can be read.
func notTar(head []byte) error {
	switch sniff(head) {
	case bzip2ed, xzed:
		packer := map[form]string{bzip2ed: "bzip2", xzed: "xz"}[sniff(head)]
		return fmt.Errorf("it is compressed with %s, which is not read here: unpack it, or use gzip or zstd", packer)
	}
	return fmt.Errorf("it is not a tar: it begins with %s", strings.ToValidUTF8(fmt.Sprintf("%.24q", head), "?"))
}
