package survey

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
)

// program is the name of the executable of the daemon.
const program = "dockerd"

// named gives the processes of root that call themselves so, lowest first. A
// process chooses its name itself, so this is where to look closer, and proof of
// nothing.
func (l *look) named(name string) []int {
	var pids []int
	for p, lines := range l.seen.Lines[names].Files {
		if s := host.ParseStatus(lines); s.Name == name && s.AllRoot() {
			pids = append(pids, pidOf(p))
		}
	}
	slices.Sort(pids)
	return pids
}

// doubt says why a process is not believed to be a dockerd that root runs on this
// host, "" if it is. Names and arguments are what a process says of itself; these
// are what the kernel says of it. Without root's rights less can be seen, and
// nothing is run.
func (l *look) doubt(d process) string {
	if why := l.distrust(d); why != "" || l.unprivileged && d.Exe == "" {
		return why
	}
	return l.tampered(d.Exe)
}

// distrust is the part of doubt that the process alone tells.
func (l *look) distrust(d process) string {
	switch {
	case !d.allRoot && d.UID != 0:
		return fmt.Sprintf("it runs as UID %d", d.UID)
	case !d.allRoot:
		return "not all of its UIDs are root's"
	case !d.HostUserns:
		return "it is in a user namespace of its own"
	case d.inContainer():
		return "it is in a PID namespace of its own"
	case !d.HostMounts && !l.isSnap(d):
		return "it is in a mount namespace of its own"
	case l.unprivileged && d.Exe == "":
		return ""
	case d.UserSpace == "" || d.MountSpace == "" || d.Exe == "":
		return "it ended while it was looked at"
	case path.Base(d.Exe) != program:
		return fmt.Sprintf("its executable is %q", d.Exe)
	}
	return ""
}

// isSnap: a snap has a mount namespace of its own, so who is in one is only
// believed to be the snap's if systemd says so.
func (l *look) isSnap(d process) bool {
	return d.snap() && d.PID == l.units[snapUnit].MainPID
}

// tampered says why a program, by its path without symlinks, could be another
// than the one that root put there, "" if it could not. Directories that a group
// may write are let pass: Debian gives /usr/local to its group staff.
func (l *look) tampered(p string) string {
	for _, at := range chain(p) {
		s, known := l.seen.Stats[at]
		switch mode := s.Mode; {
		case !known:
			return fmt.Sprintf("%q was not looked at", at)
		case s.Err != nil:
			return fmt.Sprintf("its executable cannot be looked at: %v", s.Err)
		case at == p && !mode.IsRegular():
			return fmt.Sprintf("its executable %q is not a regular file", p)
		case s.UID != 0:
			return fmt.Sprintf("%q belongs to UID %d", at, s.UID)
		case at == p && mode.Perm()&0o022 != 0, mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0:
			return fmt.Sprintf("%q can be written by others than root (mode %04o)", at, mode.Perm())
		}
	}
	return ""
}

// processes are the dockerds that were found, the believed ones first.
func (l *look) processes() (believed, doubted []process) {
	for _, pid := range l.dockerds {
		d := l.process(pid)
		switch {
		case len(d.Args) == 0:
		case d.Doubt == "":
			believed = append(believed, d)
		default:
			doubted = append(doubted, d)
		}
	}
	return believed, doubted
}

// daemon chooses the dockerd that serves the endpoint: the one that listens
// there, otherwise the service's, otherwise one that has the data root that the
// engine names. One that is not believed is taken only if the kernel says that it
// listens there, or systemd that it is the service's; its Doubt says so.
func (l *look) daemon() (process, bool) {
	believed, doubted := l.processes()
	main := l.mainPID()
	if d, ok := choose(believed,
		func(d process) bool { return d.PID == l.peer.PID },
		func(d process) bool { return l.engine != nil && d.PID == main && l.rootFits(d) },
		func(d process) bool { return l.engine != nil && l.rootFits(d) },
		func(d process) bool { return l.rootHere() && (d.PID == main || len(believed) == 1) },
		func(d process) bool { return l.engine == nil && d.PID == main },
	); ok {
		return d, ok
	}
	return choose(doubted,
		func(d process) bool { return d.PID == l.peer.PID },
		func(d process) bool {
			return d.PID == l.unitPID() && !d.inContainer() && (l.engine == nil || l.rootFits(d) || l.rootHere())
		},
	)
}

// choose gives the first process that the first of the rules holds for that holds
// for any.
func choose(from []process, rules ...func(process) bool) (process, bool) {
	for _, rule := range rules {
		if i := slices.IndexFunc(from, rule); i >= 0 {
			return from[i], true
		}
	}
	return process{}, false
}

// rootFits reports whether a dockerd's data root is the engine's, as far as its
// flags and its configuration file say. The engine names it without symlinks.
func (l *look) rootFits(d process) bool {
	return !d.inContainer() && l.real(l.configuredRoot(d)) == l.real(dockerd.PlainRoot(l.engine.DataRoot))
}

// rootHere reports whether the data root that the engine names is one of this host:
// its engine-id, which dockerd makes at random from 23.0 on, is the engine's.
func (l *look) rootHere() bool {
	if l.engine == nil || l.engine.ID == "" {
		return false
	}
	body, ok := l.seen.Files[l.idFile()]
	return ok && body.Err == nil && trimmed(body) == l.engine.ID
}

// idFile is where dockerd keeps the engine's ID, "" unknown.
func (l *look) idFile() string {
	if l.engine == nil || !path.IsAbs(l.engine.DataRoot) {
		return ""
	}
	return path.Join(l.engine.DataRoot, "engine-id")
}
