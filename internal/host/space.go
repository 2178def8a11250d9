package host

import "fmt"

// Space is what statfs(2) says of a file system: what a process of root may
// still use, in bytes and inodes. A file system that makes inodes as it needs
// them, such as btrfs, says 0 of both.
type Space struct {
	Type        string // "ext4", "xfs", …; the magic number in hex where it is none of those known
	Bytes, Free int64
	Inodes      int64
	FreeInodes  int64
	Err         error
}

// fsName names a file system by its magic number, statfs(2).
func fsName(magic uint64) string {
	switch uint32(magic) {
	case 0xef53:
		return "ext4" // ext2 and ext3 as well: they share the number
	case 0x58465342:
		return "xfs"
	case 0x9123683e:
		return "btrfs"
	case 0x2fc12fc1:
		return "zfs"
	case 0x01021994:
		return "tmpfs"
	case 0x794c7630:
		return "overlay"
	case 0x6969:
		return "nfs"
	case 0xf2f52010:
		return "f2fs"
	}
	return fmt.Sprintf("%#x", uint32(magic))
}
