package idmap

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// ProcIdentity is the uid_map of the first user namespace, which the processes of the host
// itself have, as the kernel writes it.
const ProcIdentity = "         0          0 4294967295"

// FromProc reads the lines of a /proc/PID/uid_map, user_namespaces(7), sorted by
// container ID. Lines that are no extent are left out.
func FromProc(lines []string) Extents {
	var e Extents
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		inside, err1 := strconv.ParseInt(f[0], 10, 64)
		outside, err2 := strconv.ParseInt(f[1], 10, 64)
		size, err3 := strconv.ParseInt(f[2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			e = append(e, Extent{ContainerID: inside, HostID: outside, Size: size})
		}
	}
	slices.SortFunc(e, func(a, b Extent) int { return cmp.Compare(a.ContainerID, b.ContainerID) })
	return e
}

// Holds reports whether an ID of the host is one of the extents'.
func (e Extents) Holds(hostID int64) bool {
	return slices.ContainsFunc(e, func(x Extent) bool { return hostID >= x.HostID && hostID-x.HostID < x.Size })
}

// ToContainer gives the ID that processes under the extents see for an ID of the host:
// the overflow ID, 65534, if it is not one of theirs.
func (e Extents) ToContainer(hostID int64) int64 {
	for _, x := range e {
		if hostID >= x.HostID && hostID-x.HostID < x.Size {
			return x.ContainerID + hostID - x.HostID
		}
	}
	return 65534
}

// Same reports whether two maps map alike: the order of their extents and extents
// of nothing do not count.
func (m Map) Same(o Map) bool { return same(m.UID, o.UID) && same(m.GID, o.GID) }

func same(a, b Extents) bool { return slices.Equal(a.sorted(), b.sorted()) }

func (e Extents) sorted() Extents {
	kept := slices.DeleteFunc(slices.Clone(e), func(x Extent) bool { return x.Size <= 0 })
	slices.SortFunc(kept, func(a, b Extent) int { return cmp.Compare(a.ContainerID, b.ContainerID) })
	return kept
}
