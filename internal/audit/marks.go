package audit

import "math/bits"

// What layers can do to a path below them, as bits of a mark.
const (
	replaced  = 1 << iota // an entry that engines take has the same path
	whitedOut             // a whiteout of it
	emptied               // an opaque marker in it
	hidden                // an entry that is no directory has the same path
)

// perPart is how many keys are looked at together: 2 MiB of marks.
const perPart = 1 << 17

// sweep calls look for each layer but the top one, with the marks that the layers
// above it leave on its keys. If there are many keys it does so in parts, of
// which each has its share of all keys: memory stays bounded.
func sweep(layers []*facts, keys func(*facts, func(uint64)), look func(i int, m *marks)) {
	n, top := 0, len(layers)-1
	each := func(f func(uint64)) {
		for _, l := range layers[:top] {
			keys(l, f)
		}
	}
	each(func(uint64) { n++ })
	if n == 0 {
		return
	}
	width := uint(bits.Len(uint(n / perPart)))
	for part := range uint64(1) << width {
		m := newMarks(each, width, part)
		for i := top; i >= 0; i-- {
			if i < top {
				look(i, m)
			}
			if i > 0 {
				m.apply(layers[i])
			}
		}
	}
}

// marks is a hash table of paths that is filled once, and what layers do to them.
type marks struct {
	width uint   // of the part's number, which is a key's highest bits
	part  uint64 // the keys that are in here
	shift uint
	index []uint32 // where a bucket starts in keys
	keys  []uint64
	flags []uint8
}

func newMarks(each func(func(uint64)), width uint, part uint64) *marks {
	m := &marks{width: width, part: part}
	n := 0
	each(func(k uint64) {
		if m.holds(k) {
			n++
		}
	})
	size := uint(max(4, bits.Len(uint(n))))
	m.shift, m.index = 64-size, make([]uint32, 1<<size+1)
	m.keys, m.flags = make([]uint64, n), make([]uint8, n)
	m.fill(each)
	return m
}

// fill counts the keys of each bucket, and then puts them into theirs. That moves
// each bucket's start to its end, which is where the next one starts.
func (m *marks) fill(each func(func(uint64))) {
	each(func(k uint64) {
		if m.holds(k) {
			m.index[m.bucket(k)+1]++
		}
	})
	for i := range len(m.index) - 1 {
		m.index[i+1] += m.index[i]
	}
	each(func(k uint64) {
		if m.holds(k) {
			b := m.bucket(k)
			m.keys[m.index[b]] = k
			m.index[b]++
		}
	})
	copy(m.index[1:], m.index)
	m.index[0] = 0
}

func (m *marks) holds(k uint64) bool    { return k>>(64-m.width) == m.part }
func (m *marks) bucket(k uint64) uint64 { return k << m.width >> m.shift }

func (m *marks) set(k uint64, flag uint8) {
	if !m.holds(k) {
		return
	}
	b := m.bucket(k)
	for i := m.index[b]; i < m.index[b+1]; i++ {
		if m.keys[i] == k {
			m.flags[i] |= flag
		}
	}
}

// get gives a key's marks, and false for one that is in another part.
func (m *marks) get(k uint64) (uint8, bool) {
	if !m.holds(k) {
		return 0, false
	}
	b := m.bucket(k)
	for i := m.index[b]; i < m.index[b+1]; i++ {
		if m.keys[i] == k {
			return m.flags[i], true
		}
	}
	return 0, false
}

// apply marks what a layer does to those below it.
func (m *marks) apply(l *facts) {
	l.events.mapped.each(func(h uint64) { m.set(h&^nonDir, replaced|kind(h)) })
	l.events.whiteouts.each(func(h uint64) { m.set(h, whitedOut) })
	l.events.opaque.each(func(h uint64) { m.set(h, emptied) })
	for _, g := range l.groups {
		if g.rule != Owner { // those are among the mapped ones
			g.hashes.each(func(h uint64) { m.set(h&^nonDir, kind(h)) })
		}
	}
}

func kind(h uint64) uint8 {
	if h&nonDir != 0 {
		return hidden
	}
	return 0
}
