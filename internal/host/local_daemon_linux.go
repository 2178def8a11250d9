package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Daemons gives the roots of the processes of this machine that may be the
// dockerd behind a unix socket. It is the one that listens there, if that is a
// dockerd. If it is not (systemd listens for an activated daemon, sshd or socat
// for one that is elsewhere) it is every dockerd of the host itself: whether one
// of them holds what is looked for, only its files can tell. A dockerd in a
// container counts only if it listens, since whoever is root in a container can
// run what they like under that name. It is [ErrNoDaemon] if there is none, or if
// only root could look into it.
func Daemons(socket string) ([]*ProcessRoot, error) {
	pids := []int{listener(socket)}
	if !isDockerd(pids[0]) {
		pids = dockerds()
	}
	var roots []*ProcessRoot
	for _, pid := range pids {
		r, err := OpenProcessRoot(pid)
		switch {
		case err != nil:
		case !isDockerd(pid): // it ended, and another process has its number
			_ = r.Close()
		default:
			roots = append(roots, r)
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("looking for the daemon of %s: %w", socket, ErrNoDaemon)
	}
	return roots, nil
}

// listener is the process that listens on a unix socket, 0 if that cannot be
// told.
func listener(socket string) int {
	p, _ := Listener(context.Background(), socket)
	return p.PID
}

// dockerds are the processes of the host whose program is dockerd, lowest first.
func dockerds() []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && isDockerd(pid) && sameSpace(pid, "mnt") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isDockerd reports whether a process is a dockerd that root runs: all its UIDs are
// root's in our user namespace, and its executable is a regular file of that name
// that only root can write. A name alone is no proof, since anybody can give it to
// a program.
func isDockerd(pid int) bool {
	link := fmt.Sprintf("/proc/%d/exe", pid)
	exe, err := os.Readlink(link) // its target ends in " (deleted)" after an upgrade of the engine
	if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != "dockerd" || !sameSpace(pid, "user") {
		return false
	}
	var st unix.Stat_t // of the file that runs, in whatever mount namespace
	if unix.Stat(link, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != 0 || st.Mode&0o022 != 0 {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && ParseStatus(strings.Split(string(status), "\n")).AllRoot()
}

// sameSpace reports whether a process is in our namespace of a kind, namespaces(7).
func sameSpace(pid int, kind string) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	ours, err2 := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && err2 == nil && theirs == ours
}
