package survey

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

const mountInfo = "/proc/self/mountinfo"

// MountPoint is a line of the host's mount table, proc_pid_mountinfo(5).
type MountPoint struct {
	Device string // "8:1"
	Root   string // what of the file system is mounted; "/" for all of it
	Point  string // where
	Type   string // "ext4"
}

var errMountTable = errors.New("the host's mount table could not be read in full")

var mountsTopic = topic{
	first:  func(_ *look, q *host.Questions) { q.Files = append(q.Files, mountInfo) },
	read:   func(l *look, f *Facts) { f.MountTable = mountTable(l.seen.Files[mountInfo]) },
	unread: func(f *Facts, err error) { f.MountTable.Err = err },
}

// mountTable reads the host's mount table. A part of it would be worse than
// none: a missing line can hide what a path leads to.
func mountTable(b host.Body) Read[[]MountPoint] {
	if b.Err != nil {
		return Read[[]MountPoint]{Err: b.Err}
	}
	if b.Truncated || len(b.Data) == 0 {
		return Read[[]MountPoint]{Err: errMountTable}
	}
	var table []MountPoint
	for line := range strings.Lines(string(b.Data)) {
		m, ok := mountPoint(strings.TrimSuffix(line, "\n"))
		if !ok {
			return Read[[]MountPoint]{Err: errMountTable}
		}
		table = append(table, m)
	}
	return Read[[]MountPoint]{Value: table}
}

// mountPoint reads "36 35 8:1 /root /point rw shared:1 - ext4 /dev/sda1 rw".
func mountPoint(line string) (MountPoint, bool) {
	left, right, ok := strings.Cut(line, " - ")
	f, g := strings.Fields(left), strings.Fields(right)
	if !ok || len(f) < 6 || len(g) < 1 {
		return MountPoint{}, false
	}
	m := MountPoint{Device: f[2], Root: host.Unescape(f[3]), Point: host.Unescape(f[4]), Type: g[0]}
	return m, path.IsAbs(m.Point)
}

// MountOf gives the mount that a path is on, and the path in its file system.
func MountOf(table []MountPoint, real string) (on MountPoint, inside string, ok bool) {
	for _, m := range table { // of several in one place the last one counts
		if Within(real, m.Point) && len(m.Point) >= len(on.Point) {
			on, ok = m, true
		}
	}
	return on, path.Join(on.Root, strings.TrimPrefix(real, strings.TrimSuffix(on.Point, "/"))), ok
}

// Within reports whether a path is a directory or below it.
func Within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// nearTypes are file systems of the host's own disks and memory.
var nearTypes = []string{
	"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "tmpfs", "ramfs", "rootfs", "overlay", "squashfs", "erofs",
}

// Near reports whether a path is on a disk of the host. A file system of the network
// may not answer, and one of autofs(5) is mounted by being looked at.
func Near(table []MountPoint, real string) bool {
	on, _, ok := MountOf(table, real)
	return ok && slices.Contains(nearTypes, on.Type)
}
