package carry

import "github.com/docker-userns/docker-userns/internal/idmap"

// A Shift says which owner a file gets in the copy.
type Shift struct {
	Map idmap.Map
	// Back shifts from host IDs to those of containers.
	Back bool
}

// Owner gives the IDs of a file's owner and group in the copy. An ID without a
// counterpart stays as it is, and mapped is false. dockerd keeps an ID that equals the
// map's first host ID, too (ToHost of moby/sys/user).
func (s Shift) Owner(uid, gid uint32) (newUID, newGID uint32, mapped bool) {
	newUID, uidMapped := shift(s.Map.UID, uid, s.Back)
	newGID, gidMapped := shift(s.Map.GID, gid, s.Back)
	return newUID, newGID, uidMapped && gidMapped
}

func shift(extents idmap.Extents, id uint32, back bool) (uint32, bool) {
	for _, x := range extents {
		from, to := x.ContainerID, x.HostID
		if back {
			from, to = to, from
		}
		if n := int64(id) - from; n >= 0 && n < x.Size {
			return uint32(to + n), true
		}
	}
	return id, false
}
