package idmap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxExtents is the most lines that the kernel takes in a uid_map, since Linux
// 4.15, user_namespaces(7).
const MaxExtents = 340

// flagForm ends the errors of ParseFlag.
const flagForm = "; write CONTAINER:HOST:SIZE, as in 0:100000:65536, or uid=0:100000:65536,gid=0:200000:65536 where UIDs and GIDs differ"

// ParseFlag reads an ID map from the values of a flag: extents written
// CONTAINER:HOST:SIZE as in a uid_map, several in one value with commas or in
// several values. An extent counts for UIDs and GIDs alike unless it begins
// with uid= or gid=. Extents of a kind may not overlap, on either side.
func ParseFlag(values []string) (Map, error) {
	var m Map
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if err := m.add(item); err != nil {
				return Map{}, fmt.Errorf("reading ID map %q: %w%s", item, err, flagForm)
			}
		}
	}
	kind := "GIDs"
	if len(m.UID) == 0 {
		kind = "UIDs"
	}
	if len(m.UID) == 0 || len(m.GID) == 0 {
		return Map{}, fmt.Errorf("reading ID map %q: it maps no %s%s", strings.Join(values, ","), kind, flagForm)
	}
	return m, nil
}

func (m *Map) add(item string) error {
	kind, extent, apart := strings.Cut(item, "=")
	if !apart {
		kind, extent = "", item
	}
	x, err := parseExtent(extent)
	if err != nil {
		return err
	}
	if kind != "" && kind != "uid" && kind != "gid" || apart && kind == "" {
		return fmt.Errorf("%q is neither uid nor gid", kind)
	}
	if kind != "gid" {
		if err := m.UID.add(x); err != nil {
			return err
		}
	}
	if kind != "uid" {
		return m.GID.add(x)
	}
	return nil
}

func parseExtent(s string) (Extent, error) {
	fields := strings.Split(s, ":")
	if len(fields) != 3 {
		return Extent{}, fmt.Errorf("it is not of the form CONTAINER:HOST:SIZE (fields: %d)", len(fields))
	}
	var n [3]int64
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 10, 32)
		if err != nil {
			return Extent{}, fmt.Errorf("%q is not a number from 0 to 4294967295", f)
		}
		n[i] = int64(v)
	}
	x := Extent{ContainerID: n[0], HostID: n[1], Size: n[2]}
	return x, x.Err()
}

func (e *Extents) add(x Extent) error {
	if len(*e) == MaxExtents {
		return fmt.Errorf("the kernel takes no more than %d extents", MaxExtents)
	}
	for _, o := range *e {
		if _, ok := (Range{Start: x.ContainerID, Size: x.Size}).Overlap(Range{Start: o.ContainerID, Size: o.Size}); ok {
			return fmt.Errorf("its container IDs overlap those of %s", o)
		}
		if _, ok := (Range{Start: x.HostID, Size: x.Size}).Overlap(Range{Start: o.HostID, Size: o.Size}); ok {
			return fmt.Errorf("its host IDs overlap those of %s", o)
		}
	}
	*e = append(*e, x)
	return nil
}

// String writes the extent as ParseFlag reads it.
func (x Extent) String() string {
	return fmt.Sprintf("%d:%d:%d", x.ContainerID, x.HostID, x.Size)
}

// String writes the extents as they are in a uid_map, joined with commas: "none" if
// there are none.
func (e Extents) String() string {
	if len(e) == 0 {
		return "none"
	}
	var items []string
	for _, x := range e {
		items = append(items, x.String())
	}
	return strings.Join(items, ",")
}

// String writes the map as ParseFlag reads it.
func (m Map) String() string {
	var items []string
	if slices.Equal(m.UID, m.GID) {
		for _, x := range m.UID {
			items = append(items, x.String())
		}
		return strings.Join(items, ",")
	}
	for _, x := range m.UID {
		items = append(items, "uid="+x.String())
	}
	for _, x := range m.GID {
		items = append(items, "gid="+x.String())
	}
	return strings.Join(items, ",")
}
