package dockerd

import (
	"slices"
	"strings"
)

// Option reports whether a name is among the security options of GET /info, e.g.
// "userns", "rootless" or "selinux" in "name=seccomp,profile=default" and "name=userns".
// "name=userns" is there in 20.10 to 29 exactly if the remapped root is not the host's
// root (daemon/info.go).
func Option(options []string, name string) bool {
	return slices.ContainsFunc(options, func(o string) bool {
		return slices.Contains(strings.Split(o, ","), "name="+name)
	})
}

// ContainerdStore reports whether an engine has its images in containerd's image store,
// by the driver status of GET /info: it names a driver-type of containerd's then, from
// 24.0 on.
func ContainerdStore(driverStatus [][2]string) bool {
	return slices.ContainsFunc(driverStatus, func(s [2]string) bool {
		return s[0] == "driver-type" && strings.HasPrefix(s[1], "io.containerd.snapshotter.")
	})
}
