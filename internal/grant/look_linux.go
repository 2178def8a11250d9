package grant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Limits of a place.
const (
	maxFiles = 2_000_000
	maxKinds = 500
)

// Look looks at each place.
func Look(ctx context.Context, s Survey) []Found {
	all := make([]Found, len(s.Places))
	for i, p := range s.Places {
		l := looker{Survey: s, Found: &all[i], tree: p.Tree, seen: map[Kind]bool{}}
		if err := l.look(ctx, p.Path); err != nil {
			l.Err = err.Error()
		}
	}
	return all
}

type looker struct {
	Survey
	*Found
	tree bool
	seen map[Kind]bool
}

func (l *looker) look(ctx context.Context, place string) error {
	top, err := openPlace(place, true)
	if err != nil {
		return err
	}
	defer top.close()
	l.Inode = top.Ino
	if !l.tree {
		return l.at(top)
	}
	return top.each(ctx, l.at, nil)
}

var (
	errTooMany   = fmt.Errorf("it contains more than %d files", maxFiles)
	errManyKinds = errors.New("its files have too many different owners and modes")
	errFlagged   = errors.New("it is immutable or append-only (lsattr shows it)")
	errMapped    = errors.New("users of the map already have rights to it, and would lose them when rights are taken back: change its owner, or remove them from its ACL")
)

// at looks at one file.
func (l *looker) at(f *file) error {
	if l.Files++; l.Files > maxFiles {
		return errTooMany
	}
	s, err := f.state()
	if err != nil {
		return err
	}
	k := s.kind(f.mode)
	if !l.seen[k] {
		if l.seen[k], l.Kinds = true, append(l.Kinds, k); len(l.Kinds) > maxKinds {
			return errManyKinds
		}
	}
	if f.Attributes&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0 {
		return errFlagged
	}
	if l.Map.UID.Holds(k.UID) || l.Map.GID.Holds(k.GID) {
		return errMapped
	}
	l.Found.Odd = l.Found.Odd || f.mode.IsRegular() && f.Nlink > 1 || slices.Contains(l.Survey.Odd, path.Base(f.path)) ||
		slices.ContainsFunc(l.OddPaths, func(end string) bool { return strings.HasSuffix("/"+f.path, "/"+end) })
	return l.attributes(f, s)
}

// attributes looks at what cannot be restored exactly.
func (l *looker) attributes(f *file, s state) error {
	if f.mode&fs.ModeSymlink != 0 {
		return nil
	}
	access, ok := parseACL(s.Access)
	if s.Access != nil && (!ok || !access.reversible()) {
		l.NoACL = fmt.Sprintf("%s: %s", f.path, errIrreversible)
	}
	if later, _ := parseACL(s.Default); access.concerns(l.Map) || later.concerns(l.Map) {
		return errMapped
	}
	if _, err := f.attribute(aclAccess); errors.Is(err, unix.EOPNOTSUPP) {
		l.NoACL = "its file system has no ACLs"
	}
	held, err := f.attribute(capability)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	if held != nil {
		l.NoShift = fmt.Sprintf("%s has file capabilities, which a change of its owner removes", f.path)
	}
	return nil
}
