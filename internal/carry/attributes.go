//go:build linux

package carry

import (
	"encoding/binary"
	"slices"
)

// An attribute is an extended attribute of a file, xattr(7).
type attribute struct {
	name  string
	value []byte
}

// overlayMarks are attributes by which the kernel describes one mount of a layer. A
// copy of the layer is not that mount, so they are left out; the opaque, redirect and
// metacopy marks belong to the layer (Documentation/filesystems/overlayfs.rst).
var overlayMarks = []string{
	"trusted.overlay.origin", "trusted.overlay.impure", "trusted.overlay.nlink", "trusted.overlay.uuid",
	"trusted.overlay.upper", "trusted.overlay.index",
}

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
	capability = "security.capability"
)

// shifted gives the attribute that the copy gets, and whether it gets one.
func (s Shift) shifted(a attribute, layer bool) (attribute, bool) {
	switch {
	case layer && slices.Contains(overlayMarks, a.name):
		return a, false
	case a.name == aclAccess, a.name == aclDefault:
		a.value = s.acl(a.value)
	case a.name == capability:
		a.value = s.capabilities(a.value)
	}
	return a, true
}

// acl shifts the users and groups that an ACL names. The form is a version, 2, and
// entries of tag, permissions and ID, include/uapi/linux/posix_acl_xattr.h. A value of
// another form is returned as it is.
func (s Shift) acl(value []byte) []byte {
	const header, entry, user, group = 4, 8, 0x02, 0x08
	if len(value) < header || (len(value)-header)%entry != 0 || binary.LittleEndian.Uint32(value) != 2 {
		return value
	}
	value = slices.Clone(value)
	for e := value[header:]; len(e) > 0; e = e[entry:] {
		id := binary.LittleEndian.Uint32(e[4:])
		switch binary.LittleEndian.Uint16(e) {
		case user:
			id, _ = shift(s.Map.UID, id, s.Back)
		case group:
			id, _ = shift(s.Map.GID, id, s.Back)
		}
		binary.LittleEndian.PutUint32(e[4:], id)
	}
	return value
}

// capabilities writes file capabilities as an engine does when it unpacks a layer, as
// version 2 (moby PR 41724). Version 3 adds the host ID of a root to that,
// capabilities(7); a root that is not the map's is shifted, and stays.
func (s Shift) capabilities(value []byte) []byte {
	const version2, version3, revisions = 0x02000000, 0x03000000, 0xFF000000
	if len(value) != 24 || binary.LittleEndian.Uint32(value)&revisions != version3 {
		return value
	}
	root := binary.LittleEndian.Uint32(value[20:])
	value = slices.Clone(value)
	if root == 0 || s.Back && int64(root) == s.Map.UID.Root() {
		magic := binary.LittleEndian.Uint32(value)
		binary.LittleEndian.PutUint32(value, magic&^revisions|version2)
		return value[:20]
	}
	root, _ = shift(s.Map.UID, root, s.Back)
	binary.LittleEndian.PutUint32(value[20:], root)
	return value
}
