package dockerd

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// RootIDs reads the host's IDs of root in a container out of the name of a remapped data
// root, "<uid>.<gid>" (setupDaemonRoot of daemon/daemon_unix.go, 20.10 to 29.7). ok is
// false for a directory that dockerd did not name so: neither "-1.-1", with which it
// does not start, nor "0100.100" is one.
func RootIDs(dir string) (uid, gid int64, ok bool) {
	name := path.Base(dir)
	left, right, _ := strings.Cut(name, ".")
	u, errUID := strconv.ParseUint(left, 10, 32)
	g, errGID := strconv.ParseUint(right, 10, 32)
	if errUID != nil || errGID != nil || fmt.Sprintf("%d.%d", u, g) != name {
		return 0, 0, false
	}
	return int64(u), int64(g), true
}

// PlainRoot is a data root without the "/<uid>.<gid>" that remap adds to it.
func PlainRoot(dir string) string {
	if _, _, ok := RootIDs(dir); ok {
		return path.Dir(path.Clean(dir))
	}
	return path.Clean(dir)
}
