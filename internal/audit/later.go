package audit

// later says for every group of every layer what becomes of all its entries in
// the layers above: "removed", or "chowned" where some or all have a mapped owner
// there, or "" if any stays as it is, or if that is unknown. An entry is removed
// by a whiteout of its path or of a directory above it, by an opaque marker in
// one, or by something else in the place of one (OCI image-spec, layer.md).
func later(layers []*facts) map[*group]Later {
	all := map[*group]Later{}
	if len(layers) < 2 {
		return all
	}
	below := layers[:len(layers)-1]
	for _, l := range below {
		for _, g := range l.groups {
			if !g.untracked && g.rule != Owner {
				all[g] = Removed
			}
		}
	}
	gone := emptiedDirs(layers)
	sweep(layers, offenderKeys, func(i int, m *marks) {
		for _, g := range layers[i].groups {
			if all[g] != Remains {
				all[g] = m.later(g, gone[i], all[g])
			}
		}
	})
	return all
}

// emptiedDirs says of each directory of each layer whether the layers above
// remove what the layer has in it.
func emptiedDirs(layers []*facts) [][]bool {
	gone := make([][]bool, len(layers))
	for i, l := range layers {
		if len(l.groups) > 0 {
			gone[i] = make([]bool, len(l.dirs.hash))
		}
	}
	sweep(layers, dirKeys, func(i int, m *marks) {
		for d := range gone[i] {
			flags, _ := m.get(layers[i].dirs.hash[d])
			gone[i][d] = gone[i][d] || flags&(whitedOut|emptied|hidden) != 0
		}
	})
	for i, l := range layers {
		for d := 1; d < len(gone[i]); d++ {
			gone[i][d] = gone[i][d] || gone[i][l.dirs.parent[d]]
		}
	}
	return gone
}

// later gives what became of a group in later layers, so far, once its entries in m are known.
func (m *marks) later(g *group, gone []bool, so Later) Later {
	for i, chunk := range g.hashes.chunks {
		for j, h := range chunk {
			flags, here := m.get(h &^ nonDir)
			switch {
			case !here || gone[g.dirs.chunks[i][j]] || flags&whitedOut != 0:
			case flags&replaced != 0:
				so = Chowned
			default:
				return Remains
			}
		}
	}
	return so
}

// offenderKeys are the hashes of a layer's offenders, dirKeys those of the
// directories above them.
func offenderKeys(l *facts, f func(uint64)) {
	for _, g := range l.groups {
		g.hashes.each(func(h uint64) { f(h &^ nonDir) })
	}
}

func dirKeys(l *facts, f func(uint64)) {
	if len(l.groups) > 0 {
		for _, h := range l.dirs.hash {
			f(h)
		}
	}
}
