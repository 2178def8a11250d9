// Package access says what the permission bits and the POSIX ACL of a file let
// a process do, by the numbers alone: acl(5), path_resolution(7), and for root
// in a user namespace capabilities(7).
//
// It knows nothing of security modules, read-only mounts, file attributes or
// the rules of network file systems: those can only take away.
package access

import (
	"slices"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Perm is what is allowed: 4 read, 2 write, 1 execute or traverse.
type Perm uint8

// The permissions.
const (
	Execute Perm = 1
	Write   Perm = 2
	Read    Perm = 4
)

// String writes p as ls(1) does: "r-x".
func (p Perm) String() string {
	b := []byte("---")
	for i, c := range []byte("rwx") {
		if p&(Read>>i) != 0 {
			b[i] = c
		}
	}
	return string(b)
}

// Process is who wants access, in IDs of the host.
type Process struct {
	UID, GID int64
	Groups   []int64
	// Override is the ID map of the process's user namespace where it has
	// CAP_DAC_OVERRIDE there, as root in a container has unless it was dropped.
	// The capability counts only for files whose owner and group are both in
	// the map (capable_wrt_inode_uidgid in kernel/capability.c).
	Override *idmap.Map
}

// Mapped is the process of a container as the host sees it, and whether all of
// its IDs are in the map. Root has CAP_DAC_OVERRIDE within the map.
func Mapped(m idmap.Map, uid, gid int64, groups []int64) (Process, bool) {
	hostUID, okUID := m.UID.ToHost(uid)
	hostGID, okGID := m.GID.ToHost(gid)
	p := Process{UID: hostUID, GID: hostGID}
	ok := okUID && okGID
	for _, g := range groups {
		id, mapped := m.GID.ToHost(g)
		ok = ok && mapped
		p.Groups = append(p.Groups, id)
	}
	if uid == 0 {
		p.Override = &m
	}
	return p, ok
}

// To gives what p may do with a file. Each permission is decided separately; a
// call that wants two at once needs one ACL entry that gives both.
func (p Process) To(s host.Stat) Perm {
	if p.overrides(s) {
		if s.Mode.IsDir() || s.Mode.Perm()&0o111 != 0 {
			return Read | Write | Execute
		}
		return Read | Write
	}
	if len(s.ACL.Entries) > 0 {
		return p.byACL(s)
	}
	mode := Perm(s.Mode.Perm() & 7)
	switch {
	case p.UID == s.UID:
		mode = Perm(s.Mode.Perm() >> 6 & 7)
	case p.in(s.GID):
		mode = Perm(s.Mode.Perm() >> 3 & 7)
	}
	return mode
}

func (p Process) overrides(s host.Stat) bool {
	if p.Override == nil {
		return false
	}
	return p.Override.UID.Holds(s.UID) && p.Override.GID.Holds(s.GID)
}

func (p Process) in(gid int64) bool { return p.GID == gid || slices.Contains(p.Groups, gid) }

// byACL follows the access check algorithm of acl(5): the first of owner, named
// user, groups and other that names the process decides, and the mask takes
// from all but owner and other.
func (p Process) byACL(s host.Stat) Perm {
	mask := Perm(7)
	perms := map[host.ACLTag]Perm{}
	for _, e := range s.ACL.Entries {
		if e.Tag == host.ACLMask {
			mask = Perm(e.Perm & 7)
		}
		perms[e.Tag] = Perm(e.Perm & 7)
	}
	if p.UID == s.UID {
		return perms[host.ACLUserObj]
	}
	var group Perm
	inGroup := false
	for _, e := range s.ACL.Entries {
		switch {
		case e.Tag == host.ACLUser && e.ID == p.UID:
			return Perm(e.Perm&7) & mask
		case e.Tag == host.ACLGroupObj && p.in(s.GID), e.Tag == host.ACLGroup && p.in(e.ID):
			group |= Perm(e.Perm & 7)
			inGroup = true
		}
	}
	if inGroup {
		return group & mask
	}
	return perms[host.ACLOther]
}
