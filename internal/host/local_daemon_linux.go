package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Daemons gives the roots of the processes of this machine that may be the
// dockerd behind a unix socket. It is the one that listens there, where that is
// a dockerd. Where it is not (systemd listens for an activated daemon, sshd or
// socat for one that is elsewhere) it is every dockerd that runs here: whether
// one of them holds what is looked for, only its files can tell. It is
// [ErrNoDaemon] where there is none, or where only root could look into it.
func Daemons(socket string) ([]*ProcessRoot, error) {
	pids := []int{listener(socket)}
	if !isDockerd(pids[0]) {
		pids = dockerds()
	}
	var roots []*ProcessRoot
	for _, pid := range pids {
		if r, err := OpenProcessRoot(pid); err == nil {
			roots = append(roots, r)
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("looking for the daemon of %s: %w", socket, ErrNoDaemon)
	}
	return roots, nil
}

// listener is the process that listens on a unix socket, 0 where that cannot be
// told.
func listener(socket string) int {
	p, _ := Listener(context.Background(), socket)
	return p.PID
}

// dockerds are the processes whose program is dockerd, lowest first.
func dockerds() []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && isDockerd(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isDockerd reads /proc/PID/exe, proc(5), whose target ends in " (deleted)"
// after an upgrade of the engine.
func isDockerd(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "dockerd"
}
