package host

import "io/fs"

// Stat is what stat(2) says of a path itself: a symlink is not followed.
type Stat struct {
	Mode      fs.FileMode // type, permissions, setuid, setgid and sticky bits
	UID, GID  int64
	Size      int64  // bytes
	Device    uint64 // with Inode, what two paths of one file have in common
	Inode     uint64
	Links     int64
	Target    string // of a symlink, as it stands there
	Immutable bool   // chattr +i or +a; false if the file system has no such thing
	ACL       ACL    // where asked for
	Err       error  // fs.ErrNotExist, fs.ErrPermission, …; the rest is zero then
}

// An ACL is a POSIX access control list, acl(5). It has no entries where the
// mode says everything.
type ACL struct {
	Entries []ACLEntry
	Err     error // it could not be read, as where getfacl is missing over ssh
}

// An ACLEntry gives Perm, 3 bits rwx, to those that Tag names.
type ACLEntry struct {
	Tag  ACLTag
	ID   int64 // of ACLUser and ACLGroup; -1 else
	Perm uint8 // 4 read, 2 write, 1 execute
}

// ACLTag is a kind of entry. The values are those of the kernel
// (include/uapi/linux/posix_acl.h).
type ACLTag uint16

// The tags of acl(5).
const (
	ACLUserObj  ACLTag = 0x01 // the owner
	ACLUser     ACLTag = 0x02 // a named user
	ACLGroupObj ACLTag = 0x04 // the owning group
	ACLGroup    ACLTag = 0x08 // a named group
	ACLMask     ACLTag = 0x10 // the most that all but owner and others get
	ACLOther    ACLTag = 0x20
)
