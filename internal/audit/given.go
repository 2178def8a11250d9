package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// Given are numbers that the user chose.
type Given struct{ UID, GID map[int64]int64 }

// of are those of GIDs or of UIDs.
func (g Given) of(group bool) map[int64]int64 {
	if group {
		return g.GID
	}
	return g.UID
}

// has reports whether an ID was given a number as a UID and as a GID.
func (g Given) has(id int64) bool {
	_, user := g.UID[id]
	_, group := g.GID[id]
	return user && group
}

// ParseGiven reads what a flag has: OLD=NEW, several with commas or in several values. It
// counts for UIDs and GIDs alike unless it begins with uid: or gid:.
func ParseGiven(values []string) (Given, error) {
	g := Given{UID: map[int64]int64{}, GID: map[int64]int64{}}
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if err := g.add(item); err != nil {
				return Given{}, fmt.Errorf("%q: %w; write OLD=NEW, as in 70000=10001 or gid:70001=10001", item, err)
			}
		}
	}
	return g, nil
}

func (g Given) add(item string) error {
	kind, pair, apart := strings.Cut(item, ":")
	if !apart {
		kind, pair = "", item
	} else if kind != "uid" && kind != "gid" {
		return fmt.Errorf("%q is neither uid nor gid", kind)
	}
	before, after, _ := strings.Cut(pair, "=")
	from, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not an ID", before)
	}
	to, err := strconv.ParseUint(after, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not an ID", after)
	}
	for _, k := range []string{"uid", "gid"} {
		if kind != "" && kind != k {
			continue
		}
		of := g.of(k == "gid")
		if old, ok := of[from]; ok && old != int64(to) {
			return fmt.Errorf("%s %d is given two numbers", k, from)
		}
		of[from] = int64(to)
	}
	return nil
}
