package idmap

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Policy says where Free looks first.
type Policy struct {
	// Min and Max are SUB_UID_MIN and SUB_UID_MAX of login.defs(5), the first
	// and the last ID. 0 stands for shadow's own 100000 and 600100000.
	Min, Max int64
}

// ErrNoRange is what Free says when no run of that many IDs is left.
var ErrNoRange = errors.New("no free range of subordinate IDs is left")

// Free finds size host IDs that are in none of used, for UIDs and GIDs alike.
// It looks, in this order,
//
//   - between Min and Max, where useradd(8) looks too, outside of systemd's range
//     for containers, unless Min lies in that range: then the distribution has
//     decided on it,
//   - between Min and Max, also in systemd's range,
//   - anywhere from 100000 on that systemd leaves alone,
//   - anywhere from 100000 on.
//
// useradd gives ranges one after the other, and that of the seventh user is in
// systemd's range already: what is near to those of users surprises nobody, and
// is looked at by useradd when it gives the next one. Except in the first place,
// Reason says why the range lies where it does.
//
// In each it takes the lowest range that begins a whole number of sizes above
// the first ID (100000, 165536, … as find_free_range of shadow gives), else the
// lowest of all. IDs below 65536, systemd's foreign IDs and IDs of 2^31 and
// above are never given.
func Free(used []Range, size int64, p Policy) (Range, error) {
	if size <= 0 || size > 1<<31 {
		return Range{}, fmt.Errorf("looking for %d free IDs: the size has to be 1 to 2147483648", size)
	}
	p = p.withDefaults()
	strict := merge(append(slices.Clone(used), Accounts, Containers, Foreign, High))
	loose := merge(append(slices.Clone(used), Accounts, Foreign, High))
	first, below := strict, min(p.Max, Containers.Start-1)
	if p.Min >= Containers.Start {
		first = loose
	}
	noRoom := fmt.Sprintf("%d-%d has no %d IDs in a row that are free", p.Min, p.Max, size)
	for _, zone := range []struct {
		used     []Range
		from, to int64
		reason   string
	}{
		{first, p.Min, p.Max + 1, ""},
		{loose, p.Min, p.Max + 1, fmt.Sprintf("%d-%d has no %d IDs in a row that are free, and systemd-nspawn may pick these for a container of its own", p.Min, below, size)},
		{strict, 100000, 1 << 31, noRoom},
		{loose, 100000, 1 << 31, noRoom + ", and systemd-nspawn may pick these for a container of its own"},
	} {
		if start, ok := fit(zone.used, zone.from, zone.to, size); ok {
			return Range{Start: start, Size: size, Reason: zone.reason}, nil
		}
	}
	return Range{}, fmt.Errorf("looking for %d free IDs: %w", size, ErrNoRange)
}

func (p Policy) withDefaults() Policy {
	if p.Min <= 0 {
		p.Min = 100000
	}
	if p.Max <= 0 {
		p.Max = 600100000
	}
	p.Max = min(p.Max, 1<<31-1)
	return p
}

// fit finds the first ID of a gap of used between from and to.
func fit(used []Range, from, to, size int64) (int64, bool) {
	first := int64(-1)
	for gap := range gaps(used, from, to) {
		if gap.end()-gap.Start < size {
			continue
		}
		if first < 0 {
			first = gap.Start
		}
		aligned := from + (gap.Start-from+size-1)/size*size
		if gap.end()-aligned >= size {
			return aligned, true
		}
	}
	return first, first >= 0
}

// gaps gives what merged ranges leave free between from and to.
func gaps(used []Range, from, to int64) func(func(Range) bool) {
	return func(yield func(Range) bool) {
		for _, u := range used {
			if u.Start >= to {
				break
			}
			if u.Start > from && !yield(Range{Start: from, Size: u.Start - from}) {
				return
			}
			from = max(from, u.end())
		}
		if from < to {
			yield(Range{Start: from, Size: to - from})
		}
	}
}

// merge sorts ranges and joins those that touch. Empty ones are dropped, and
// what lies below 0.
func merge(ranges []Range) []Range {
	for i, r := range ranges {
		if r.Start < 0 {
			ranges[i] = Range{Start: 0, Size: r.end()}
		}
	}
	ranges = slices.DeleteFunc(ranges, func(r Range) bool { return r.Size <= 0 })
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	var out []Range
	for _, r := range ranges {
		if n := len(out); n > 0 && r.Start <= out[n-1].end() {
			out[n-1].Size = max(out[n-1].end(), r.end()) - out[n-1].Start
			continue
		}
		out = append(out, r)
	}
	return out
}
