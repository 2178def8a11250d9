package grant

import "io/fs"

// Kind is what some files have in common.
type Kind struct {
	Mode fs.FileMode `json:"mode"`
	UID  int64       `json:"uid"`
	GID  int64       `json:"gid"`
}

// Private reports whether others have no right to a file, and its group none to
// write. Software that looks at the modes of its files, such as PostgreSQL, ssh and
// MongoDB, refuses such a file once an ACL gives somebody else a right: the bits of
// the group then show the most that the ACL gives to anybody.
func (k Kind) Private() bool {
	return k.Mode&(fs.ModeSocket|fs.ModeSymlink) == 0 && k.Mode.Perm()&0o027 == 0
}

// RootsProgram reports whether somebody who can write to a file can have root run
// something.
func (k Kind) RootsProgram() bool {
	return k.UID == 0 && k.Mode.IsRegular() && k.Mode.Perm()&0o111 != 0
}

// Refusal is why no right is given to a tree that contains a file of the kind, and what to do
// instead; why is "" if one may be. write says that the right is to write.
func (k Kind) Refusal(write bool) (why, instead string) {
	const own = "mount a folder of its own"
	switch {
	case k.Mode&fs.ModeSymlink != 0:
	case k.Mode&(fs.ModeDevice|fs.ModeNamedPipe) != 0, k.Mode&fs.ModeSocket != 0 && k.UID == 0:
		return "it contains devices, pipes or sockets of root", own
	case k.Mode.IsDir() && k.Mode.Perm()&0o002 != 0:
		return "every user of the host can put links in it while the command runs", own
	case k.Mode&fs.ModeSetuid != 0, k.Mode&fs.ModeSetgid != 0 && !k.Mode.IsDir(), write && k.RootsProgram():
		return "it contains programs that root may run", "mount it read-only, or mount a copy"
	}
	return "", ""
}
