package audit

import (
	"fmt"
	"slices"
	"strings"
)

// Asked is what is looked for, whether anything is wrong with it or not: files of
// some UIDs or GIDs, and files by their paths.
type Asked struct {
	IDs   []int64
	Paths []string // cleaned, without a leading slash
}

// id reports whether one of two IDs is looked for.
func (a *Asked) id(uid, gid int64) bool {
	return a != nil && (slices.Contains(a.IDs, uid) || slices.Contains(a.IDs, gid))
}

// path reports whether a file is looked for by its path.
func (a *Asked) path(name []byte) bool {
	if a == nil {
		return false
	}
	for _, p := range a.Paths {
		if string(name) == p {
			return true
		}
	}
	return false
}

// keeps reports whether an entry is listed at all. Without a question all are.
func (a *Asked) keeps(uid, gid int64, name []byte) bool {
	return a == nil || a.id(uid, gid) || a.path(name)
}

// String names what is looked for.
func (a *Asked) String() string {
	var all []string
	for _, id := range a.IDs {
		all = append(all, fmt.Sprint(id))
	}
	for _, p := range a.Paths {
		all = append(all, "/"+p)
	}
	return strings.Join(all, " or ")
}
