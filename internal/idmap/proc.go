package idmap

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

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

// Holds says whether an ID of the host is one of the extents'.
func (e Extents) Holds(hostID int64) bool {
	return slices.ContainsFunc(e, func(x Extent) bool { return hostID >= x.HostID && hostID-x.HostID < x.Size })
}

// Same says whether two maps map alike: the order of their extents and extents
// of nothing do not count.
func (m Map) Same(o Map) bool { return same(m.UID, o.UID) && same(m.GID, o.GID) }

func same(a, b Extents) bool { return slices.Equal(a.sorted(), b.sorted()) }

func (e Extents) sorted() Extents {
	kept := slices.DeleteFunc(slices.Clone(e), func(x Extent) bool { return x.Size <= 0 })
	slices.SortFunc(kept, func(a, b Extent) int { return cmp.Compare(a.ContainerID, b.ContainerID) })
	return kept
}
