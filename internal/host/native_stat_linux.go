package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func lstat(path string, acl bool) Stat {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return Stat{Err: &fs.PathError{Op: "lstat", Path: path, Err: err}}
	}
	s := Stat{
		Mode: FileMode(st.Mode), UID: int64(st.Uid), GID: int64(st.Gid), Size: st.Size,
		Device: st.Dev, Inode: st.Ino, Links: int64(st.Nlink),
	}
	if s.Mode&fs.ModeSymlink != 0 {
		s.Target, _ = os.Readlink(path)
	} else if acl {
		s.ACL = readACL(path)
	}
	return s
}

// resolve follows the symlinks of a path. The kernel is asked first: it follows
// fewer of them than EvalSymlinks does.
func resolve(path string) Real {
	if _, err := os.Stat(path); err != nil {
		return Real{Err: err}
	}
	real, err := filepath.EvalSymlinks(path)
	return Real{real, err}
}

// readACL reads a path's POSIX ACL. A list that says no more than the mode is
// left out, as getfacl -s does.
func readACL(path string) ACL {
	attr := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Lgetxattr(path, "system.posix_acl_access", attr)
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.EOPNOTSUPP):
		return ACL{}
	case err != nil:
		return ACL{Err: &fs.PathError{Op: "getxattr", Path: path, Err: err}}
	}
	acl := parseACLAttr(attr[:n])
	if len(acl.Entries) <= 3 && acl.Err == nil {
		return ACL{}
	}
	return acl
}

// Flags of ioctl_iflags(2).
const (
	flagImmutable = 0x10
	flagAppend    = 0x20
)

// immutable reads the flags of chattr(1); false if there are none.
func immutable(path string, mode fs.FileMode) bool {
	if !mode.IsRegular() && !mode.IsDir() {
		return false
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&(flagImmutable|flagAppend) != 0
}

func statfs(path string) Space {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Space{Err: &fs.PathError{Op: "statfs", Path: path, Err: err}}
	}
	return Space{
		Type: fsName(uint64(st.Type)), Bytes: int64(st.Blocks) * st.Frsize, Free: int64(st.Bfree) * st.Frsize,
		Inodes: int64(st.Files), FreeInodes: int64(st.Ffree),
	}
}
