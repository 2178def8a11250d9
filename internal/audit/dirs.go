package audit

import (
	"bytes"
	"hash/maphash"
)

// maxDirs bounds how many directories of a layer are told apart: about 5 MiB.
const maxDirs = 1 << 17

// noDir stands for a directory that is not in the table.
const noDir = ^uint32(0)

// dirs are directories of a layer, each with the one it lies in: what it takes
// to ask later whether something above a file went away. The root is number 0,
// and every directory comes after its parent.
type dirs struct {
	seed   maphash.Seed
	hash   []uint64
	parent []uint32
	number map[uint64]uint32

	last    []byte // the directory asked for last: archives have runs of them
	lastNum uint32
}

func newDirs(seed maphash.Seed) *dirs {
	h := hash(seed, nil)
	return &dirs{seed: seed, hash: []uint64{h}, parent: []uint32{0}, number: map[uint64]uint32{h: 0}}
}

// hash of a cleaned path. The lowest bit is left free for kind.
func hash(seed maphash.Seed, path []byte) uint64 { return maphash.Bytes(seed, path) &^ 1 }

// at gives the number of a directory, or noDir if the table is full.
func (d *dirs) at(path []byte) uint32 {
	if bytes.Equal(path, d.last) {
		return d.lastNum
	}
	n := d.find(path)
	d.last, d.lastNum = append(d.last[:0], path...), n
	return n
}

func (d *dirs) find(path []byte) uint32 {
	h := hash(d.seed, path)
	if n, ok := d.number[h]; ok {
		return n
	}
	if len(d.hash) == maxDirs {
		return noDir
	}
	up := d.find(parent(path))
	if up == noDir || len(d.hash) == maxDirs {
		return noDir
	}
	n := uint32(len(d.hash))
	d.hash, d.parent = append(d.hash, h), append(d.parent, up)
	d.number[h] = n
	return n
}
