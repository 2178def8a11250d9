package unpack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

var xzMagic = []byte("\xfd7zXZ\x00")

const (
	// maxDict is the largest dictionary, in bytes: that of xz -9. A library that reads
	// whole files takes as much memory as the file asks for.
	maxDict = 64 << 20
	lzma2ID = 0x21
)

var errXZ = errors.New("it is damaged")

// xz reads the streams of an xz file (xz-file-format.txt 1.2.1), as xz -d does.
type xz struct {
	src   counted
	check byte // how the blocks of the stream are checked
	began int64
	block *lzma.Reader2 // nil between blocks
	sum   hash.Hash     // of the block, nil if its check is not known
	size  int64         // of the block, unpacked
	seen  records       // the blocks of the stream
	dicts int64         // bytes of all dictionaries
}

// records are the sizes of blocks, which the index of a stream lists once more.
type records struct {
	n   uint64
	sum hash.Hash
}

func (r *records) add(packed, unpacked uint64) {
	r.n++
	r.sum.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, packed), unpacked))
}

// counted counts what is read.
type counted struct {
	*bufio.Reader
	n int64
}

// Read reads bytes.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte reads a byte.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// newXZ reads the head of the first stream.
func newXZ(src *bufio.Reader) (*xz, error) {
	x := &xz{src: counted{Reader: src}}
	return x, x.stream()
}

// Read reads what was packed.
func (x *xz) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
		}
		n, err := x.block.Read(p)
		x.size += int64(n)
		if x.sum != nil {
			x.sum.Write(p[:n])
		}
		if err == io.EOF {
			x.block, err = nil, x.endBlock()
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

// stream reads the head of a stream.
func (x *xz) stream() error {
	var head [12]byte
	if _, err := io.ReadFull(&x.src, head[:]); err != nil {
		return err
	}
	if !bytes.HasPrefix(head[:], xzMagic) || !sealed(head[6:]) || head[6] != 0 || head[7] > 15 {
		return errXZ
	}
	x.check, x.seen = head[7], records{sum: sha256.New()}
	return nil
}

// sealed reports whether bytes end in the CRC-32 of those before.
func sealed(b []byte) bool {
	at := len(b) - 4
	return crc32.ChecksumIEEE(b[:at]) == binary.LittleEndian.Uint32(b[at:])
}

// next goes to the next block, of this stream or of the next one.
func (x *xz) next() error {
	for {
		x.began = x.src.n
		size, err := x.src.ReadByte()
		if err != nil {
			return ended(err)
		}
		if size != 0 {
			return x.head(size)
		}
		if err := x.index(); err != nil {
			return ended(err)
		}
		if err := x.passPadding(); err != nil {
			return err
		}
		if err := x.stream(); err != nil {
			return ended(err)
		}
	}
}

// ended: only the end of a stream may be the end of the file.
func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// passPadding passes over the zeros between two streams. It is io.EOF if none follows.
func (x *xz) passPadding() error {
	for {
		four, err := x.src.Peek(4)
		if len(four) == 0 && err == io.EOF {
			return io.EOF
		}
		if len(four) < 4 || !bytes.Equal(four, make([]byte, 4)) {
			return nil // what is no stream is an error there
		}
		if _, err := x.src.Discard(4); err != nil {
			return err
		}
	}
}

// head reads the head of a block.
func (x *xz) head(size byte) error {
	head := make([]byte, (int(size)+1)*4)
	head[0] = size
	if _, err := io.ReadFull(&x.src, head[1:]); err != nil {
		return ended(err)
	}
	if !sealed(head) || head[1]&0x3c != 0 {
		return errXZ
	}
	fields := bytes.NewReader(head[2 : len(head)-4])
	for _, given := range []byte{0x40, 0x80} { // its sizes, which the index has too
		if head[1]&given != 0 {
			if _, err := number(fields); err != nil {
				return err
			}
		}
	}
	id, err := number(fields)
	if err != nil {
		return err
	}
	if id != lzma2ID || head[1]&3 != 0 {
		return errors.New("it has other filters than LZMA2, which are not read here: unpack it, or use gzip or zstd")
	}
	length, err := number(fields)
	bits, err2 := fields.ReadByte()
	if err != nil || err2 != nil || length != 1 {
		return errXZ
	}
	return x.open(bits)
}

// open begins the contents of a block with a dictionary of a size. Dictionaries count as
// what is unpacked does: blocks can be as small as 20 bytes.
func (x *xz) open(bits byte) error {
	dict, err := lzma.DecodeDictCap(bits)
	if err != nil {
		return errXZ
	}
	if dict > maxDict {
		return fmt.Errorf("its dictionary has %d MiB, and no more than %d are read here: unpack it, or pack it with xz -9 or less", dict>>20, maxDict>>20)
	}
	if x.dicts += dict; x.dicts-slack > maxRatio*x.src.n {
		return errors.New("it has many blocks with nothing in them")
	}
	x.size, x.sum = 0, nil
	switch x.check {
	case 1:
		x.sum = crc32.NewIEEE()
	case 4:
		x.sum = crc64.New(ecma)
	case 10:
		x.sum = sha256.New()
	}
	x.block, err = lzma.Reader2Config{DictCap: int(dict)}.NewReader2(&x.src)
	return err
}

var ecma = crc64.MakeTable(crc64.ECMA)

// checkSizes are those of the kinds of checks.
var checkSizes = [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

// endBlock reads the padding of a block, and compares its contents with its check.
func (x *xz) endBlock() error {
	packed := x.src.n - x.began + checkSizes[x.check]
	padding := make([]byte, -(x.src.n-x.began)&3)
	if _, err := io.ReadFull(&x.src, padding); err != nil {
		return ended(err)
	}
	check := make([]byte, checkSizes[x.check])
	if _, err := io.ReadFull(&x.src, check); err != nil {
		return ended(err)
	}
	if !bytes.Equal(padding, make([]byte, len(padding))) || x.sum != nil && !bytes.Equal(check, ordered(x.sum)) {
		return errXZ
	}
	x.seen.add(uint64(packed), uint64(x.size))
	return nil
}

// ordered is a sum as a file has it: CRCs begin with their lowest byte.
func ordered(sum hash.Hash) []byte {
	switch sum := sum.(type) {
	case hash.Hash32:
		return binary.LittleEndian.AppendUint32(nil, sum.Sum32())
	case hash.Hash64:
		return binary.LittleEndian.AppendUint64(nil, sum.Sum64())
	}
	return sum.Sum(nil)
}
