package unpack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// index reads what follows the blocks of a stream, and compares it with them.
func (x *xz) index() error {
	crc := crc32.NewIEEE()
	crc.Write([]byte{0})
	in := &hashed{&x.src, crc}
	n, err := number(in)
	if err != nil {
		return err
	}
	if n != x.seen.n {
		return errXZ
	}
	listed := records{sum: sha256.New()}
	for range n {
		packed, err := number(in)
		if err != nil {
			return err
		}
		unpacked, err := number(in)
		if err != nil {
			return err
		}
		listed.add(packed, unpacked)
	}
	for (x.src.n-x.began)&3 != 0 {
		if b, err := in.ReadByte(); err != nil || b != 0 {
			return errors.Join(errXZ, err)
		}
	}
	size := x.src.n - x.began + 4
	var tail [16]byte // the index's CRC, and the foot of the stream
	if _, err := io.ReadFull(&x.src, tail[:]); err != nil {
		return err
	}
	foot := tail[4:]
	switch {
	case binary.LittleEndian.Uint32(tail[:]) != crc.Sum32(), !bytes.Equal(listed.sum.Sum(nil), x.seen.sum.Sum(nil)),
		string(foot[10:]) != "YZ", crc32.ChecksumIEEE(foot[4:10]) != binary.LittleEndian.Uint32(foot),
		(int64(binary.LittleEndian.Uint32(foot[4:]))+1)*4 != size, foot[8] != 0, foot[9] != x.check:
		return errXZ
	}
	return nil
}

// hashed reads bytes, and hashes them.
type hashed struct {
	io.ByteReader
	sum hash.Hash
}

// ReadByte reads a byte.
func (h *hashed) ReadByte() (byte, error) {
	b, err := h.ByteReader.ReadByte()
	if err == nil {
		h.sum.Write([]byte{b})
	}
	return b, err
}

// number reads a number of 63 bits: seven of them a byte, the lowest first.
func number(r io.ByteReader) (n uint64, err error) {
	for i := range 9 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if n |= uint64(b&0x7f) << (7 * i); b < 0x80 {
			if b == 0 && i > 0 {
				return 0, errXZ
			}
			return n, nil
		}
	}
	return 0, errXZ
}
