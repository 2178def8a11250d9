package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Asked is what is looked for, whether anything is wrong with it or not: files of
// some UIDs or GIDs, and files by their paths.
type Asked struct {
	IDs   []int64
	Paths []string // cleaned, without a leading slash
}

// plainPath is one that needs no quotes in a command.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9_@%+=:,./-]+$`)

// Words are the flags of audit-image that look for what a message is about, nil if
// it does not say. They can be pasted as they are.
func (e Explained) Words() []string {
	switch ids := e.IDs(); {
	case len(ids) > 0:
		return []string{"--id", strconv.FormatInt(ids[0], 10)}
	case plainPath.MatchString(e.Path):
		return []string{"--explain", e.Path}
	}
	return nil
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
