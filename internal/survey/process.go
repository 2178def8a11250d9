package survey

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"
)

// process is a dockerd of the host, with the systemd unit it runs in.
type process struct {
	Daemon
	unit    string
	allRoot bool // all its UIDs are root's
}

// process reads what the second round has of a dockerd.
func (l *look) process(pid int) process {
	dir := "/proc/" + strconv.Itoa(pid)
	d := process{Daemon: Daemon{
		PID: pid, Args: arguments(l.seen.Files[dir+"/cmdline"].Data),
		Exe:       strings.TrimSuffix(l.link(dir+"/exe"), " (deleted)"),
		UserSpace: l.link(dir + "/ns/user"), MountSpace: l.link(dir + "/ns/mnt"),
	}}
	d.HostUserns, d.HostMounts = l.shares(dir, "user"), l.shares(dir, "mnt")
	d.HostPIDs = l.shares(dir, "pid")
	status := string(l.seen.Files[dir+"/status"].Data)
	if who, ok := statusIDs(status); ok {
		d.UID = who.UID
	}
	d.allRoot = allRoot(status)
	d.Cgroup, d.unit = cgroupUnit(string(l.seen.Files[dir+"/cgroup"].Data))
	d.setConfig()
	d.Doubt = l.doubt(d)
	return d
}

// shares says whether a process was not seen to be in another namespace than
// what looks at the host.
func (l *look) shares(dir, kind string) bool {
	theirs, ours := l.link(dir+"/ns/"+kind), l.link("/proc/self/ns/"+kind)
	return theirs == "" || ours == "" || theirs == ours
}

// link is the target of a link that was asked for by its name.
func (l *look) link(p string) string { return l.seen.Links[p][p] }

// setConfig finds the configuration file of a dockerd, as getDefaultDaemonConfigFile
// of cmd/dockerd does. That of a rootless one lies in its user's home, which
// only its environment tells: Config is empty then, unless a flag names it.
func (d *process) setConfig() {
	d.Config, d.ConfigGiven = d.Flag("config-file")
	switch {
	case d.ConfigGiven && !path.IsAbs(d.Config): // from a directory that is not known
		d.Config = ""
	case d.ConfigGiven:
	case d.snap():
		d.Config = snapConfig
	case d.UID == 0 && d.HostUserns:
		d.Config = hostConfig
	}
}

func (d process) snap() bool {
	return strings.HasPrefix(d.Exe, "/snap/docker/") || strings.HasPrefix(d.unit, "snap.docker.")
}

// mainPID is the process of the host's own docker service.
func (l *look) mainPID() int {
	if pid := l.unitPID(); pid > 0 {
		return pid
	}
	pid, _ := strconv.Atoi(trimmed(l.seen.Files[pidFile]))
	return pid
}

// unitPID is the process that systemd runs as the docker service, 0 if there is
// none.
func (l *look) unitPID() int {
	for _, name := range []string{hostUnit, snapUnit} {
		if pid := l.units[name].MainPID; pid > 0 {
			return pid
		}
	}
	return 0
}

// rootFits says whether a dockerd's data root is the engine's, as far as its
// flags and its configuration file say. The engine names it without symlinks.
func (l *look) rootFits(d process) bool {
	return !d.inContainer() && l.real(l.configuredRoot(d)) == l.real(trunk(l.engine.DataRoot))
}

// real is a path of the host without the symlinks in it, as far as that was asked
// for and it is there.
func (l *look) real(p string) string {
	if r, ok := l.seen.Reals[p]; ok && r.Err == nil {
		return r.Path
	}
	return path.Clean(p)
}

// inContainer says that a dockerd has another view of processes than the host.
func (d process) inContainer() bool { return !d.HostPIDs }

// configuredRoot is the data root that a dockerd was told to use, or its
// default.
func (l *look) configuredRoot(d process) string {
	for _, name := range []string{"data-root", "graph"} {
		if root, ok := d.Flag(name); ok && path.IsAbs(root) {
			return path.Clean(root)
		}
	}
	keys := l.configOf(d)
	for _, root := range []string{keys.DataRoot, keys.Graph} {
		if path.IsAbs(root) && !strings.Contains(root, "\x00") {
			return path.Clean(root)
		}
	}
	if d.snap() {
		return snapDataRoot
	}
	return plainDataRoot
}

// configKeys are the keys of daemon.json that say where a daemon is.
type configKeys struct {
	DataRoot string   `json:"data-root"`
	Graph    string   `json:"graph"`
	Hosts    []string `json:"hosts"`
}

// configOf reads the configuration file of a dockerd, as far as it can be read.
func (l *look) configOf(d process) (keys configKeys) {
	if body, ok := l.seen.Files[d.Config]; ok && body.Err == nil {
		_ = json.Unmarshal(body.Data, &keys) // dockerd does not start with what is not JSON
	}
	return keys
}

// trunk is a data root without the "/<uid>.<gid>" of remap.
func trunk(root string) string {
	if _, _, ok := treeName(path.Base(root)); ok {
		return path.Dir(root)
	}
	return path.Clean(root)
}

// dataRoot is the data root of the daemon, running or not.
func (l *look) dataRoot() string {
	if l.engine != nil && path.IsAbs(l.engine.DataRoot) {
		return trunk(l.engine.DataRoot)
	}
	if d, ok := l.daemon(); ok {
		return l.configuredRoot(d)
	}
	return l.configuredRoot(l.startedWith())
}

// startedWith is the dockerd that the host's unit would start: what is known of
// it before, or without, a process.
func (l *look) startedWith() process {
	d, _, err := l.next(process{}, false, l.service(""))
	if err != nil {
		d.setConfig()
	}
	return d
}

// service is the unit that starts dockerd: of the name given, else the one of
// Docker's packages, else the snap's. The zero Unit where there is none.
func (l *look) service(name string) Unit {
	for _, n := range []string{name, hostUnit, snapUnit} {
		if u, ok := l.units[n]; ok && (u.LoadState != "not-found" || u.MainPID > 0) {
			return u
		}
	}
	return Unit{}
}
