package audit

import "math/bits"

// What later layers can do to a path, as bits of a mark.
const (
	replaced  = 1 << iota // an entry that engines take has the same path
	whitedOut             // a whiteout of it
	emptied               // an opaque marker in it
	hidden                // an entry that is no directory has the same path
)

// marks are the paths of an image's offenders and their directories, and what
// layers above do to them: a hash table that is filled once.
type marks struct {
	shift uint
	index []uint32 // where a bucket starts in keys
	keys  []uint64
	flags []uint8
}

// newMarks makes the table of every offender in layers.
func newMarks(layers []*facts) *marks {
	n := 0
	eachKey(layers, func(uint64) { n++ })
	width := max(4, bits.Len(uint(n)))
	m := &marks{shift: uint(64 - width), index: make([]uint32, 1<<width+1), keys: make([]uint64, n), flags: make([]uint8, n)}
	eachKey(layers, func(k uint64) { m.index[k>>m.shift+1]++ })
	for i := range 1 << width {
		m.index[i+1] += m.index[i]
	}
	// Filling moves each start to its bucket's end, which is the next one's start.
	eachKey(layers, func(k uint64) {
		m.keys[m.index[k>>m.shift]] = k
		m.index[k>>m.shift]++
	})
	copy(m.index[1:], m.index)
	m.index[0] = 0
	return m
}

func eachKey(layers []*facts, f func(uint64)) {
	for _, l := range layers {
		for _, g := range l.groups {
			g.hashes.each(func(h uint64) { f(h &^ nonDir) })
		}
		if l.dirs != nil && len(l.groups) > 0 {
			for _, h := range l.dirs.hash {
				f(h)
			}
		}
	}
}

func (m *marks) set(k uint64, flag uint8) {
	for i := m.index[k>>m.shift]; i < m.index[k>>m.shift+1]; i++ {
		if m.keys[i] == k {
			m.flags[i] |= flag
		}
	}
}

func (m *marks) get(k uint64) uint8 {
	for i := m.index[k>>m.shift]; i < m.index[k>>m.shift+1]; i++ {
		if m.keys[i] == k {
			return m.flags[i]
		}
	}
	return 0
}

// apply marks what a layer does to those below it.
func (m *marks) apply(l *facts) {
	l.events.mapped.each(func(h uint64) {
		m.set(h&^nonDir, replaced|kind(h))
	})
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

// later says for every group of every layer what becomes of all its entries in
// the layers above: "removed", or "chowned" where some or all have a mapped
// owner there, or "" where any stays as it is, or it cannot be told.
func later(layers []*facts) map[*group]Later {
	fates := map[*group]Later{}
	if len(layers) == 0 {
		return fates
	}
	top := len(layers) - 1
	m := newMarks(layers[:top])
	for i := top; i >= 0; i-- {
		if i < top && len(layers[i].groups) > 0 {
			gone := m.gone(layers[i].dirs)
			for _, g := range layers[i].groups {
				fates[g] = m.fate(g, gone)
			}
		}
		if i > 0 {
			m.apply(layers[i])
		}
	}
	return fates
}

// gone says of each directory whether what was in it is removed.
func (m *marks) gone(d *dirs) []bool {
	gone := make([]bool, len(d.hash))
	for i, h := range d.hash {
		gone[i] = m.get(h)&(whitedOut|emptied|hidden) != 0 || i > 0 && gone[d.parent[i]]
	}
	return gone
}

func (m *marks) fate(g *group, gone []bool) Later {
	if g.untracked || g.rule == Owner {
		return Stays
	}
	fate := Removed
	for i, chunk := range g.hashes.chunks {
		for j, h := range chunk {
			mark := m.get(h &^ nonDir)
			switch {
			case gone[g.dirs.chunks[i][j]] || mark&whitedOut != 0:
			case mark&replaced != 0:
				fate = Chowned
			default:
				return Stays
			}
		}
	}
	return fate
}
