package idmap

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Range is a run of host IDs, from Start on, and whose it is.
type Range struct {
	Start  int64  `json:"start"`
	Size   int64  `json:"size"`
	Reason string `json:"reason,omitempty"`
}

// end is one past the last ID. A size that would wrap around ends at the highest.
func (r Range) end() int64 {
	if r.Size <= 0 {
		return r.Start
	}
	if r.Start > 0 && r.Size > math.MaxInt64-r.Start {
		return math.MaxInt64
	}
	return r.Start + r.Size
}

// String gives the first and the last ID: "100000-165535".
func (r Range) String() string {
	return fmt.Sprintf("%d-%d", r.Start, r.end()-1)
}

// Overlap gives the IDs that are in both, and whether there are any.
func (r Range) Overlap(o Range) (Range, bool) {
	from, to := max(r.Start, o.Start), min(r.end(), o.end())
	if from >= to {
		return Range{}, false
	}
	return Range{Start: from, Size: to - from, Reason: o.Reason}, true
}

// Overlaps gives what of others lies in mine, each with the reason of the
// other, by first ID.
func Overlaps(mine, others []Range) []Range {
	var out []Range
	for _, m := range mine {
		for _, o := range others {
			if x, ok := m.Overlap(o); ok {
				out = append(out, x)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// Ranges are the host IDs of the extents.
func (e Extents) Ranges(reason string) []Range {
	var out []Range
	for _, x := range e {
		if x.Size > 0 {
			out = append(out, Range{Start: x.HostID, Size: x.Size, Reason: reason})
		}
	}
	return out
}

// Host ID ranges that others give away without a line in any file, from
// systemd's UIDS-GIDS.md.
var (
	// Accounts holds all real accounts, and what systemd keeps for homes
	// (60001-60513, 60514-60577) and dynamic users (61184-65519).
	Accounts = Range{Start: 0, Size: 1 << 16, Reason: "accounts of the host, of systemd-homed and of systemd's dynamic users"}
	// Containers is where systemd-nspawn and systemd-nsresourced pick a range
	// for a container that asks for any.
	Containers = Range{Start: 524288, Size: 1879048192 - 524288, Reason: "systemd-nspawn picks from 524288-1879048191"}
	// Foreign is the range of systemd's foreign IDs and what is left above it.
	Foreign = Range{Start: 2147352576, Size: 1<<31 - 2147352576, Reason: "systemd's foreign IDs"}
	// High holds the IDs that not all of Linux takes: devpts options and
	// setfsuid(2) treat them as negative.
	High = Range{Start: 1 << 31, Size: 1 << 31, Reason: "IDs of 2147483648 and above, which not all of Linux takes"}
)
