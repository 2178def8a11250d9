package audit

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// A Move is an ID that becomes another one in a new image.
type Move struct {
	Group    bool // it is a GID, not a UID
	From, To int64
	Account  string // whose it is, "" for nobody's
	Entries  int64  // that have it, of all layers, whiteouts and hard links too
	// Others: this stands for the IDs of entries whose owners are too many to be told
	// apart. From and To are 0.
	Others bool
}

// anID is a UID or a GID.
type anID struct {
	group bool
	id    int64
}

// moves collects the moves of an image.
type moves struct {
	*Renumbering
	found map[anID]*Move
}

// at gives the move of an ID; nobody looks at that of one that stays.
func (m *moves) at(group bool, id int64) *Move {
	to := m.id(group, id)
	f := m.found[anID{group, id}]
	if f == nil {
		f = &Move{Group: group, From: id, To: to}
		if to != id {
			m.found[anID{group, id}] = f
		}
	}
	return f
}

// accounts notes the accounts of a passwd or group file whose numbers change.
func (m *moves) accounts(group bool, name string, data []byte) {
	for line := range bytes.Lines(data) {
		fields := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		uid, gid, ok := accountIDs(name, fields)
		if !ok {
			continue
		}
		if !group {
			m.named(false, uid, fields[0])
			m.named(true, gid, nil)
		} else {
			m.named(true, gid, fields[0])
		}
	}
}

func (m *moves) named(group bool, id int64, account []byte) {
	if id >= 0 { // others stay, as no tool takes them for an ID
		f := m.at(group, id)
		f.Account = cmp.Or(f.Account, text(account))
	}
}

// moves are what changes: UIDs first, and each kind in the order of its numbers.
func (r *Renumbering) moves(j *join) []Move {
	m := moves{r, map[anID]*Move{}}
	others := Move{Others: true}
	for _, l := range j.layers {
		for _, g := range l.groups {
			switch {
			case g.rule == Owner:
			case g.mixed:
				others.Entries += g.count
			default:
				m.at(false, g.uid).Entries += g.count
				m.at(true, g.gid).Entries += g.count
			}
		}
		m.accounts(false, "etc/passwd", l.passwd.data)
		m.accounts(true, "etc/group", l.group.data)
	}
	for i, id := range userIDs(j.img.Config.User) {
		m.named(i == 1, id, nil)
	}
	var all []Move
	for _, group := range []bool{false, true} {
		of := slices.DeleteFunc(slices.Collect(maps.Values(m.found)), func(f *Move) bool { return f.Group != group })
		slices.SortFunc(of, func(a, b *Move) int { return cmp.Compare(a.From, b.From) })
		for _, f := range of {
			all = append(all, *f)
		}
	}
	if others.Entries > 0 {
		all = append(all, others)
	}
	return all
}
