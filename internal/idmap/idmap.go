// Package idmap holds the ID map of a remapped engine: which IDs of a
// container are which IDs of the host, and what the engine says of an ID that
// has no place there.
//
// It decides; it does not read files. For the files of shadow-utils that maps
// come from see subid.go.
package idmap

import "math"

// Default is the size of the range that useradd(8) and dockerd give a user:
// SUB_UID_COUNT of login.defs(5), and the length in createSubordinateRanges of
// dockerd (daemon/daemon_unix.go, 20.10 to 29.7).
const Default = 65536

// An Extent maps Size IDs of a container, from ContainerID on, to IDs of the
// host, from HostID on: one line of /proc/PID/uid_map, user_namespaces(7).
type Extent struct {
	ContainerID int64 `json:"containerID"`
	HostID      int64 `json:"hostID"`
	Size        int64 `json:"size"`
}

// Extents are the lines of one uid_map or gid_map.
type Extents []Extent

// Map is the ID map of an engine: UIDs and GIDs apart, since /etc/subuid and
// /etc/subgid are two files that need not agree.
type Map struct {
	UID Extents `json:"uid"`
	GID Extents `json:"gid"`
}

// Single is the map of one range: size IDs from container ID 0 on are those of
// the host from host on, UIDs and GIDs alike.
func Single(host, size int64) Map {
	e := Extents{{ContainerID: 0, HostID: host, Size: size}}
	return Map{UID: e, GID: e}
}

// Empty reports whether m maps nothing: the map of an engine that does not remap.
func (m Map) Empty() bool { return len(m.UID) == 0 && len(m.GID) == 0 }

// Treatment is what becomes of a container's ID when an engine registers a layer.
type Treatment int

const (
	// Mapped: the ID has a host ID.
	Mapped Treatment = iota
	// RootAlias: the ID equals the host ID of the container's root. The engine
	// passes it through, mapped or not, so the file becomes root's in the
	// container (IdentityMapping.ToHost of moby/sys/user up to v0.4, which
	// every engine from 20.10 to 29.7 has).
	RootAlias
	// Unmapped: "container ID N cannot be mapped to a host ID".
	Unmapped
)

// Treatment says what an engine does with a container's id.
func (e Extents) Treatment(id int64) Treatment {
	if len(e) > 0 && id == e.Root() {
		return RootAlias
	}
	if _, ok := e.ToHost(id); ok {
		return Mapped
	}
	return Unmapped
}

// Root is the host ID of the container's root: the host ID of the extent that
// holds container ID 0, or -1 if none does.
func (e Extents) Root() int64 {
	if host, ok := e.ToHost(0); ok {
		return host
	}
	return -1
}

// ToHost gives the host ID of a container's id, and whether it has one. Where
// extents overlap the first one wins, as in toHost of moby/sys/user.
func (e Extents) ToHost(id int64) (int64, bool) {
	for _, x := range e {
		if id >= x.ContainerID && id-x.ContainerID < x.Size {
			return x.HostID + (id - x.ContainerID), true
		}
	}
	return 0, false
}

// Size is the number of IDs that are mapped from container ID 0 on without a
// hole: the first ID that is not mapped.
func (e Extents) Size() int64 {
	var n int64
	for last := int64(-1); n != last; {
		last = n
		for _, x := range e {
			if x.ContainerID <= n && n-x.ContainerID < x.Size && x.ContainerID <= math.MaxInt64-x.Size {
				n = x.ContainerID + x.Size
			}
		}
	}
	return n
}
