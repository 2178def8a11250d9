package grant

import (
	"bytes"
	"errors"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/carry"
)

// state is what of a file decides who has a right to it, besides its mode.
type state struct {
	UID     uint32 `json:"uid"`
	GID     uint32 `json:"gid"`
	Access  []byte `json:"access,omitempty"`  // the attribute with its ACL, nil if it has none
	Default []byte `json:"default,omitempty"` // that of what is created in it
}

func (s state) equal(o state) bool {
	return s.UID == o.UID && s.GID == o.GID && bytes.Equal(s.Access, o.Access) && bytes.Equal(s.Default, o.Default)
}

func (s state) kind(mode fs.FileMode) Kind { return Kind{mode, int64(s.UID), int64(s.GID)} }

var errPrivate = errors.New("only its owner may read it, and software may refuse such a file once others can read it, too")

// given is the state of a file once a grant was given. The error is why it is not given:
// the file is not like those that were looked at.
func (j Job) given(g Grant, s state, mode fs.FileMode) (state, error) {
	if why, _ := s.kind(mode).Refusal(g.Shift || g.Perm&2 != 0); why != "" && (g.Tree || !mode.IsDir()) {
		return s, errors.New(why)
	}
	if g.Shift {
		s.UID, s.GID = j.shifted(s)
		return s, nil
	}
	if mode&fs.ModeSymlink != 0 {
		return s, nil
	}
	if s.kind(mode).Private() && (g.Tree || !mode.IsDir()) {
		if uid, gid := j.shifted(s); int64(uid) == g.UID { // its own, such as one that it wrote as it ended
			s.UID, s.GID = uid, gid
			return s, nil
		}
		return s, errPrivate
	}
	perm := uint16(g.Perm)
	if !mode.IsDir() && mode.Perm()&0o111 == 0 {
		perm &^= 1
	}
	a, known := parseACL(s.Access)
	switch {
	case s.Access == nil:
		a = minimalACL(mode)
	case !known || !a.reversible():
		return s, errIrreversible
	}
	s.Access = a.with(uint32(g.UID), perm).value()
	return s, nil
}

// shifted are the owners of a file in the map. Those of users of the map stay.
func (j Job) shifted(s state) (uid, gid uint32) {
	uid, gid, _ = carry.Shift{Map: j.Map}.Owner(s.UID, s.GID)
	if j.Map.UID.Holds(int64(s.UID)) {
		uid = s.UID
	}
	if j.Map.GID.Holds(int64(s.GID)) {
		gid = s.GID
	}
	return uid, gid
}

// taken is the state of a file once what was given was taken back. What users of the map
// created meanwhile, and the rights that they gave to each other, become those of the same
// users without it.
func (j Job) taken(s state) state {
	back := carry.Shift{Map: j.Map, Back: true}
	s.UID, s.GID, _ = back.Owner(s.UID, s.GID)
	for _, value := range []*[]byte{&s.Access, &s.Default} {
		a, ok := parseACL(*value)
		if !ok || !a.concerns(j.Map) {
			continue
		}
		a = a.withoutUsers(j.gave)
		for i, e := range a {
			switch e.tag {
			case tagUser:
				a[i].id, _, _ = back.Owner(e.id, 0)
			case tagGroups:
				_, a[i].id, _ = back.Owner(0, e.id)
			}
		}
		*value = a.merged().value()
	}
	return s
}

// stored is the state as it is read again after it was set: an ACL that names nobody is the
// mode of a file, and none of what is created in a directory.
func (s state) stored() state {
	for _, value := range []*[]byte{&s.Access, &s.Default} {
		if a, ok := parseACL(*value); ok && !a.named() {
			*value = nil
		}
	}
	return s
}

// gave reports whether the job gives a user anything.
func (j Job) gave(uid uint32) bool {
	for _, g := range j.Grants {
		if !g.Shift && g.UID == int64(uid) {
			return true
		}
	}
	return false
}
