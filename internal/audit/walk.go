package audit

import (
	"archive/tar"
	"bytes"
	"hash/maphash"
	"io"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// whiteout starts the name of an entry that removes what is below it; opaque is
// the one that empties its directory (OCI image-spec, layer.md).
var (
	whiteout = []byte(".wh.")
	opaque   = []byte(".wh..wh..opq")
)

// walk collects the facts of one layer.
type walk struct {
	*Auditor
	facts  *facts
	owners map[owner]*group
	others map[Rule]*group // owners past maxOwners
	last   *group
	paths  budget
	dirs   budget
}

func newWalk(a *Auditor) *walk {
	return &walk{Auditor: a, facts: &facts{dirs: newDirs(a.seed)}, owners: map[owner]*group{}, others: map[Rule]*group{}}
}

// entry takes note of one header. All kinds count, whiteouts and hard links too:
// the engine maps the owner before it looks at the kind (moby/go-archive, Unpack
// and remapIDs; the same from 20.10 to 29.7).
func (w *walk) entry(h *tarwalk.Header, body io.Reader) error {
	if h.Type == tar.TypeXGlobalHeader {
		return nil
	}
	w.facts.entries++
	name, slash := clean(h.Name)
	if string(name) == root {
		return nil
	}
	w.refuse(h, name, name[slash+1:])
	uid, gid := w.uid.treatment(h.UID), w.gid.treatment(h.GID)
	if uid != idmap.RootAlias {
		w.facts.uid.take(h.UID)
	}
	if gid != idmap.RootAlias {
		w.facts.gid.take(h.GID)
	}
	rule := ruleFor(uid, gid)
	if rule == "" && w.opt.Asked != nil && w.opt.Asked.keeps(h.UID, h.GID, name) {
		rule = Owner
	}
	bits := uint64(nonDir)
	if h.Type == tar.TypeDir {
		bits = 0
	}
	if rule == "" || rule == Owner {
		w.facts.mapped.take(h.UID, h.GID)
	}
	w.event(name, slash, bits, rule)
	if rule != "" {
		w.offender(owner{rule, h.UID, h.GID}, name, bits)
	}
	return w.account(name, h, body)
}

// take notes an owner that is well.
func (m *mapped) take(uid, gid int64) {
	if uid != 0 {
		m.uids = m.note(m.uids, uid)
	}
	if gid != 0 {
		m.gids = m.note(m.gids, gid)
	}
}

func (m *mapped) note(all []int64, id int64) []int64 {
	if id >= nearLow && id < nearTop {
		m.near[(id-nearLow)/64] |= 1 << ((id - nearLow) % 64)
	}
	switch {
	case len(all) > 0 && all[len(all)-1] == id || slices.Contains(all, id):
		return all
	case len(all) < maxMapped:
		return append(all, id)
	}
	m.more = true
	return all
}

// ruleFor is the engine's verdict on an entry, "" if nothing is wrong. An owner
// that is unmapped in one and the alias of root in the other is unmapped.
func ruleFor(uid, gid idmap.Treatment) Rule {
	switch {
	case uid == idmap.Unmapped || gid == idmap.Unmapped:
		return UnmappedOwner
	case uid == idmap.RootAlias || gid == idmap.RootAlias:
		return RootAlias
	}
	return ""
}

// event notes what the entry does to lower layers.
func (w *walk) event(name []byte, slash int, bits uint64, rule Rule) {
	base := name[slash+1:]
	dir := name[:max(0, slash)]
	e := &w.facts.events
	switch {
	case len(name) == 0: // "/"
	case !bytes.HasPrefix(base, whiteout):
		if rule == "" || rule == Owner {
			w.note(&e.mapped, hash(w.seed, name)|bits)
		}
	case bytes.Equal(base, opaque):
		w.note(&e.opaque, hash(w.seed, dir))
	default:
		if target := removed(name, slash); target != nil {
			w.note(&e.whiteouts, hash(w.seed, target))
		}
	}
}

// removed is the path that a whiteout removes, nil for what is none: ".wh..wh.*"
// are notes of AUFS, and ".wh." removes nothing.
func removed(name []byte, slash int) []byte {
	base := name[slash+1+len(whiteout):]
	if len(base) == 0 || string(base) == "." || string(base) == ".." || bytes.HasPrefix(base, whiteout) {
		return nil
	}
	return append(slices.Clone(name[:slash+1]), base...)
}

func (w *walk) note(l *list[uint64], h uint64) {
	if !l.full() {
		l.add(h)
	}
}

// offender counts an entry in the group of its owner.
func (w *walk) offender(o owner, name []byte, bits uint64) {
	if o.rule == UnmappedOwner {
		w.facts.unmapped++
	}
	g := w.group(o)
	g.count++
	g.asked = g.asked || w.opt.Asked.path(name)
	dir := parent(name)
	number := w.facts.dirs.at(dir)
	if g.hashes.full() || len(name) >= longest || number == noDir {
		g.untracked = true
	} else {
		g.hashes.add(maphash.Bytes(w.seed, name)&^1 | bits)
		g.dirs.add(number)
	}
	if w.opt.Paths < 0 || len(g.paths) < max(w.opt.Paths, minSample) && w.paths.afford(len(name)) {
		g.paths = append(g.paths, text(name))
	}
	w.folder(g, dir, number)
	g.evidence(name, dir)
}

// group finds the group of an owner. The owner that was asked for always has one.
func (w *walk) group(o owner) *group {
	if w.last != nil && w.last.owner == o {
		return w.last // archives have runs of them
	}
	if g := w.owners[o]; g != nil {
		w.last = g
		return g
	}
	g := &group{owner: o, slots: map[uint32]int{}}
	asked := w.opt.Asked.id(o.uid, o.gid)
	if len(w.owners) >= maxOwners && !asked {
		if rest := w.others[o.rule]; rest != nil {
			return rest
		}
		g.mixed = true
		w.others[o.rule] = g
	} else {
		w.owners[o] = g
	}
	w.facts.groups = append(w.facts.groups, g)
	return g
}

// folder counts an offender in its directory.
func (w *walk) folder(g *group, dir []byte, number uint32) {
	slot, ok := g.slots[number]
	if !ok {
		if number == noDir || len(g.folders) >= maxFolders || !w.dirs.afford(len(dir)) {
			return
		}
		slot = len(g.folders)
		g.slots[number] = slot
		g.folders = append(g.folders, Folder{Path: text(dir)})
	}
	g.folders[slot].Count++
}

// budget counts bytes of text that are kept.
type budget int

// afford reports whether a text of n more bytes may be kept, and counts it.
func (b *budget) afford(n int) bool {
	const header = 64 // what a string costs in addition to its bytes
	if int(*b)+n+header > maxTexts {
		return false
	}
	*b += budget(n + header)
	return true
}
