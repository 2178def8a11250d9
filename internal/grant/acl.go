package grant

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// errIrreversible: what an ACL is like once an entry was added and taken away again would not
// be what it was before.
var errIrreversible = errors.New("its ACL has a mask of its own, or names nobody, and could not be restored exactly")

// The tags of entries, and the version, of the extended attribute that holds an ACL:
// include/uapi/linux/posix_acl.h and posix_acl_xattr.h.
const (
	tagOwner   = 0x01
	tagUser    = 0x02
	tagGroup   = 0x04 // the owning group
	tagGroups  = 0x08
	tagMask    = 0x10
	tagOther   = 0x20
	aclVersion = 2

	headerSize, entrySize = 4, 8
)

// anACL is a POSIX ACL, in the order that the kernel wants: posix_acl_valid of fs/posix_acl.c.
type anACL []aclEntry

type aclEntry struct {
	tag, perm uint16
	id        uint32 // of users and groups that are named
}

// parseACL reads the value of an attribute; ok is false if it has another form.
func parseACL(value []byte) (a anACL, ok bool) {
	if len(value) < headerSize || (len(value)-headerSize)%entrySize != 0 || binary.LittleEndian.Uint32(value) != aclVersion {
		return nil, false
	}
	for e := value[headerSize:]; len(e) > 0; e = e[entrySize:] {
		a = append(a, aclEntry{binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])})
	}
	return a, true
}

// value is the ACL as an attribute, nil if it has no entries.
func (a anACL) value() []byte {
	if len(a) == 0 {
		return nil
	}
	value := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range a {
		value = binary.LittleEndian.AppendUint16(value, e.tag)
		value = binary.LittleEndian.AppendUint16(value, e.perm)
		value = binary.LittleEndian.AppendUint32(value, e.id)
	}
	return value
}

const noID = ^uint32(0) // of entries that name nobody

// minimalACL is the ACL of a file that has none: its mode.
func minimalACL(mode fs.FileMode) anACL {
	p := uint16(mode.Perm())
	return anACL{{tagOwner, p >> 6 & 7, noID}, {tagGroup, p >> 3 & 7, noID}, {tagOther, p & 7, noID}}
}

func (a anACL) without(tags ...uint16) anACL {
	return slices.DeleteFunc(slices.Clone(a), func(e aclEntry) bool { return slices.Contains(tags, e.tag) })
}

// named reports whether the ACL names a user or a group.
func (a anACL) named() bool {
	return slices.ContainsFunc(a, func(e aclEntry) bool { return e.tag == tagUser || e.tag == tagGroups })
}

// masked gives the ACL the mask that lets each entry have its effect, or none if it names
// nobody.
func (a anACL) masked() anACL {
	a = a.without(tagMask)
	if !a.named() {
		return a
	}
	before := slices.IndexFunc(a, func(e aclEntry) bool { return e.tag == tagOther })
	if before < 0 {
		before = len(a)
	}
	return slices.Insert(a, before, aclEntry{tagMask, a.most(), noID})
}

// most is what the mask may limit, in all.
func (a anACL) most() (most uint16) {
	for _, e := range a.without(tagOwner, tagMask, tagOther) {
		most |= e.perm
	}
	return most
}

// mask is what the mask lets through, all without one.
func (a anACL) mask() uint16 {
	for _, e := range a {
		if e.tag == tagMask {
			return e.perm
		}
	}
	return 7
}

// with gives a user a right.
func (a anACL) with(uid uint32, perm uint16) anACL {
	a = slices.DeleteFunc(slices.Clone(a), func(e aclEntry) bool { return e.tag == tagUser && e.id == uid })
	return slices.Insert(a, min(1, len(a)), aclEntry{tagUser, perm, uid}).masked()
}

// withoutUsers takes the entries of users away. Nobody else gets a right by that: what the
// mask has kept from them since, such as after chmod(2), it goes on keeping.
func (a anACL) withoutUsers(is func(uid uint32) bool) anACL {
	mask := a.mask()
	a = slices.DeleteFunc(slices.Clone(a), func(e aclEntry) bool { return e.tag == tagUser && is(e.id) }).masked()
	for i, e := range a {
		if e.tag == tagMask || e.tag == tagGroup && !a.named() {
			a[i].perm &= mask
		}
	}
	return a
}

// concerns reports whether the ACL names users or groups of a map.
func (a anACL) concerns(m idmap.Map) bool {
	return slices.ContainsFunc(a, func(e aclEntry) bool {
		return e.tag == tagUser && m.UID.Holds(int64(e.id)) || e.tag == tagGroups && m.GID.Holds(int64(e.id))
	})
}

// reversible reports whether an entry that is added to the ACL, which a file has as an
// attribute, can be taken away again so that the ACL is what it was: the mask is set anew,
// and an ACL that names nobody is taken for one that was not there.
func (a anACL) reversible() bool { return a.named() && slices.Equal(a, a.masked()) }

// merged has each user and group once, with the rights of all its entries: two of them may
// have become one.
func (a anACL) merged() anACL {
	var all anACL
	for _, e := range a {
		at := slices.IndexFunc(all, func(o aclEntry) bool { return o.tag == e.tag && o.id == e.id })
		if at < 0 {
			all = append(all, e)
		} else {
			all[at].perm |= e.perm
		}
	}
	return all
}

// permOf are the nine bits of the mode of a file with an ACL, or those that it has without.
func permOf(value []byte, without uint16) uint16 {
	a, ok := parseACL(value)
	if !ok {
		return without
	}
	var perm, group uint16
	for _, e := range a {
		switch e.tag {
		case tagOwner:
			perm |= e.perm << 6
		case tagGroup:
			group = e.perm
		case tagOther:
			perm |= e.perm
		}
	}
	if a.named() {
		group = a.mask()
	}
	return perm | group<<3
}
