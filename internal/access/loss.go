package access

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Loss is what the user of a container cannot do with what it mounts, and could
// without remap.
type Loss struct {
	Path    survey.Path
	UID     int64   // of the container's user, inside of it
	Process Process // the same, as it is mapped
	Map     idmap.Map
	Want    Perm // what the mount is for
	Has     Perm
	Lacks   Perm // of what the user wants and had
	// Give is what to give: all that was lacking, and what is there already,
	// which an ACL entry would otherwise take away.
	Give   Perm
	before Process // who the user is without remap
	// Inside says that it lacks nothing on the directory itself, but cannot read
	// files in it that it owned.
	Inside bool
}

// Lost compares what the user of a container may do with a mount under a map with
// what the same user may do without remap. It is the one place that says so, before
// remap and under it. ok is false if the container does not start with that map.
func Lost(c survey.Container, mount survey.Mount, p survey.Path, m idmap.Map) (loss Loss, ok bool) {
	id := c.Identity.Value
	mapped, ok := Mapped(m, id.UID, id.GID, id.Groups)
	if !ok {
		return Loss{}, false
	}
	before, _ := Mapped(Everything, id.UID, id.GID, id.Groups)
	l := Loss{Path: p, UID: id.UID, Process: mapped, before: before, Map: m, Want: wanted(mount, p.Stat.Mode), Has: mapped.To(p.Stat)}
	l.Lacks = l.Want & before.To(p.Stat) &^ l.Has
	l.Give = l.Has | l.Lacks
	l.Inside = l.Lacks == 0 && p.Stat.Mode.IsDir() && lostInside(p.Inside, before, mapped)
	return l, true
}

// Any reports whether there is a loss at all.
func (l Loss) Any() bool { return l.Lacks != 0 || l.Inside }

// String is what was lost, and what the path is like.
func (l Loss) String() string {
	s := l.Path.Stat
	if l.Inside {
		return fmt.Sprintf("user %d can use the directory, but cannot read files in it that only their owner may read", l.Process.UID)
	}
	return fmt.Sprintf("%s, owner %d:%d: user %d has %s and lacks %s", s.Mode, s.UID, s.GID, l.Process.UID, l.Has&l.Want, l.Lacks)
}

// lostInside reports whether files in a directory that nobody but their owner may
// read were the user's, and are not any more. An ACL gives nothing for such a
// file: its mask is empty.
func lostInside(in *survey.Inside, before, mapped Process) bool {
	if in == nil {
		return false
	}
	for _, k := range in.Kinds {
		s := host.Stat{Mode: k.Mode, UID: k.UID, GID: k.GID}
		if k.Mode.Perm()&0o077 == 0 && k.Mode&(fs.ModeSymlink|fs.ModeSocket) == 0 && (before.UID == 0 || before.UID == k.UID) && Read&before.To(s)&^mapped.To(s) != 0 {
			return true
		}
	}
	return false
}

// wanted is what a mount is for: connect(2) asks for the right to write.
func wanted(m survey.Mount, mode fs.FileMode) Perm {
	if mode&fs.ModeSocket != 0 {
		return Write
	}
	want := Read
	if mode.IsDir() {
		want |= Execute
	}
	if m.Writable {
		want |= Write
	}
	return want
}

// ToLookInto are the directories that containers mount and that commands may be
// printed for: whether they do depends on what is in them.
func ToLookInto(f survey.Facts) []string {
	set := map[string]bool{}
	for _, c := range f.Containers.Value {
		for _, m := range c.Mounts {
			p := f.Paths.Value[m.Source]
			if m.Type == "bind" && !c.HostUserns() && p.Stat.Err == nil && p.Stat.Mode.IsDir() && Allowed(f, p, false) == nil {
				set[p.Real] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}
