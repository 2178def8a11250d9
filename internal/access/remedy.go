package access

import (
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Remedy is what gives a container's user the rights that it lacks, or why nothing does that
// is safe. It is the one place that decides so, for what is printed and for what is done.
func (l Loss) Remedy(f survey.Facts) (grant.Grant, *Refusal) {
	if ControlsHost(f, l.Path.Real) {
		return refused("whoever can connect to it controls the host", "create the container with --userns=host if it must, and trust it as you trust root")
	}
	if r := Allowed(f, l.Path, false); r != nil {
		return grant.Grant{}, r
	}
	s := l.Path.Stat
	switch k := l.kind(); {
	case s.Mode.IsDir():
		return l.remedyOfTree(f)
	case s.Mode&fs.ModeSocket != 0 && s.UID == 0:
		return refused("it is root's socket, and whoever can connect to it may control the host",
			"have the program that listens give the socket to a group, and give the container that group; or create the container with --userns=host if it must control the host")
	case s.Mode&fs.ModeSocket != 0:
		return l.entry(false), nil
	case !s.Mode.IsRegular():
		return refused("it is a device or a pipe", "give the container's group access to it")
	case s.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 || l.writes() && k.RootsProgram():
		return refused("it is a program that root may run", "mount a copy")
	case s.Links > 1:
		return refused("it has hard links, so it may be a file of the system under another name", "mount a copy")
	case k.Private():
		return l.shift()
	}
	return l.entry(false), nil
}

func refused(why, instead string) (grant.Grant, *Refusal) {
	return grant.Grant{}, &Refusal{Why: why, Instead: instead}
}

// kinds are those of the files that the rights are to.
func (l Loss) kinds() []grant.Kind {
	if in := l.Path.Inside; l.Path.Stat.Mode.IsDir() && in != nil {
		return in.Kinds
	}
	return []grant.Kind{l.kind()}
}

// kind is that of the path itself.
func (l Loss) kind() grant.Kind {
	return grant.Kind{Mode: l.Path.Stat.Mode, UID: l.Path.Stat.UID, GID: l.Path.Stat.GID}
}

// entry is the grant of an ACL entry.
func (l Loss) entry(tree bool) grant.Grant {
	return grant.Grant{Path: l.Path.Real, Tree: tree, UID: l.Process.UID, Perm: uint8(l.Give)}
}

// shift is the grant of other owners.
func (l Loss) shift() (grant.Grant, *Refusal) {
	for _, k := range l.kinds() {
		_, okUID := moved(l.Map.UID, k.UID)
		_, okGID := moved(l.Map.GID, k.GID)
		if !okUID || !okGID {
			return refused(fmt.Sprintf("it contains files of %d:%d, which are both in the map and IDs of a container", k.UID, k.GID), "mount a copy")
		}
	}
	return grant.Grant{Path: l.Path.Real, Tree: l.Path.Stat.Mode.IsDir(), Shift: true}, nil
}

func (l Loss) writes() bool { return l.Want&Write != 0 }

// remedyOfTree gives the rights to a directory and all in it, if all that is in it is
// known.
func (l Loss) remedyOfTree(f survey.Facts) (grant.Grant, *Refusal) {
	in := l.Path.Inside
	switch {
	case mountsBelow(f, l.Path.Real):
		return refused("something else is mounted below it", "mount a folder of its own")
	case in == nil:
		return refused("its content was not read as root", "run this as root")
	case in.Err != nil:
		return refused("could not determine what it contains: "+in.Err.Error(), "look for files of mode 0600 or 0700 in it, and mount a copy with owners by the map")
	case in.Odd:
		return refused("it contains hard links, files as in a home directory, or the state of an engine", "mount a folder of its own")
	}
	closed := false
	for _, k := range in.Kinds {
		if why, instead := k.Refusal(l.writes()); why != "" {
			return refused(why, instead)
		}
		if !k.Private() {
			continue
		}
		if closed = true; l.UID != 0 && k.UID != l.UID && !l.Map.UID.Holds(k.UID) {
			return refused(fmt.Sprintf("it contains files that only user %d can read, who is not the container's user", k.UID),
				"mount a folder with a copy of what the container needs")
		}
	}
	if closed {
		for _, k := range in.Kinds { // who owns a file can write to it
			if why, instead := k.Refusal(true); why != "" {
				return refused(why, instead)
			}
		}
		return l.shift()
	}
	for _, k := range in.Kinds {
		if !l.had(k) {
			return refused(fmt.Sprintf("it contains files of user %d with mode %s, to which the container's user has fewer rights than to the directory", k.UID, k.Mode),
				"mount a folder that has only what the container needs")
		}
	}
	return l.entry(true), nil
}

// had reports whether the user has, without remap, each right to files of a kind that an ACL
// entry for the whole tree would give.
func (l Loss) had(k grant.Kind) bool {
	give := l.Give
	switch {
	case k.Mode&fs.ModeSymlink != 0:
		return true
	case !k.Mode.IsDir() && k.Mode.Perm()&0o111 == 0:
		give &^= Execute // as X of setfacl(1)
	}
	return give&^l.before.To(host.Stat{Mode: k.Mode, UID: k.UID, GID: k.GID}) == 0
}

// moved is what an ID of the host becomes: its place in the map, or itself if it
// is that of a mapped user already or has no place. It is false if it could be both.
func moved(e idmap.Extents, id int64) (int64, bool) {
	to, inside := e.ToHost(id)
	if e.Holds(id) {
		return id, !inside || to == id
	}
	if !inside {
		return id, true
	}
	return to, true
}

// PassRemedy is what lets the user through.
func PassRemedy(f survey.Facts, dir survey.Parent, above []survey.Parent, uid int64) (grant.Grant, *Refusal) {
	l, r := pass(f, dir, above, uid)
	return l.entry(false), r
}

func pass(f survey.Facts, dir survey.Parent, above []survey.Parent, uid int64) (Loss, *Refusal) {
	p := survey.Path{Real: dir.Path, Stat: dir.Stat, Parents: above}
	return Loss{Path: p, Process: Process{UID: uid}, Give: Execute}, Allowed(f, p, true)
}

// Shut gives the first directory above a mount that keeps the mapped root out, and
// those above it. It counts for runc before 1.1 only: later ones open what they
// mount with the rights of the host's root (opencontainers/runc#2576).
func Shut(f survey.Facts, parents []survey.Parent, m idmap.Map) (at survey.Parent, above []survey.Parent, ok bool) {
	runc, known := dockerd.ParseVersion(f.Engine.Value.RuncVersion)
	if !known || runc[0] > 1 || runc[0] == 1 && runc[1] >= 1 {
		return survey.Parent{}, nil, false
	}
	root, _ := Mapped(m, 0, 0, nil)
	for i, p := range parents {
		if p.Stat.Err == nil && root.To(p.Stat)&Execute == 0 {
			return p, parents[:i], true
		}
	}
	return survey.Parent{}, nil, false
}
