package survey

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
)

// ErrNoProcess: no dockerd was found that serves the endpoint.
var ErrNoProcess = errors.New("no dockerd process was found that serves this endpoint")

// Daemon is the dockerd that serves the endpoint, as a process of its host.
type Daemon struct {
	PID  int
	Exe  string // what /proc/PID/exe leads to
	Args []string
	// Doubt says why the process is not believed to be a dockerd that root runs on
	// this host, "" if it is. Nothing that such a process says of itself, Args
	// among it, may be acted on.
	Doubt string
	// Config is its configuration file: of --config-file, else the default of
	// dockerd or of the snap; "" for a rootless one, whose home is not known.
	Config string
	// ConfigGiven says that --config-file names it: dockerd does not start where
	// such a file is missing.
	ConfigGiven bool
	UID         int64  // the process runs as
	UserSpace   string // target of /proc/PID/ns/user, e.g. "user:[4026531837]"
	MountSpace  string
	// Whether it was not seen to be in another namespace than what looks at the
	// host: a rootless daemon is in another user namespace, one of a snap in
	// another mount namespace, one in a container in other ones of all kinds.
	HostUserns, HostMounts, HostPIDs bool
	Cgroup                           string
	Others                           []Other
	Unread                           int // processes of root that are named dockerd, and were too many to be looked at
}

// Other is a further dockerd of the host, believed as the daemon is.
type Other struct {
	PID      int
	Sockets  []string // the addresses that it was told to listen on
	DataRoot string
}

// Flag gives the value of a flag on the command line, by its long name and in any
// of dockerd's spellings, and whether it is there. A flag that takes no value is
// "true".
func (d Daemon) Flag(name string) (string, bool) {
	if len(d.Args) == 0 {
		return "", false
	}
	f, ok := dockerd.Last(dockerd.Flags(d.Args[1:]), name)
	return f.Value, ok
}

// process is a dockerd of the host, with the systemd unit it runs in.
type process struct {
	Daemon
	unit    string
	allRoot bool // all its UIDs are root's
}

// names is the answer that has the name and the UIDs of processes that may be a
// dockerd or a shim.
const names = "names and UIDs"

var daemonTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Lines = append(q.Lines, host.Lines{
			Name: names, Globs: []string{"/proc/[0-9]*/status"},
			Prefixes: []string{"Name:\t" + program, "Name:\t" + shimName, "Uid:\t0\t0\t0\t0"},
		})
		q.Links = append(q.Links, spaces("/proc/self")...)
	},
	learn: func(l *look) { l.dockerds, l.unread = l.candidates() },
	second: func(l *look, q *host.Questions) {
		for _, pid := range l.dockerds {
			q.Files = append(q.Files, proc(pid, "cmdline"), proc(pid, "cgroup"), proc(pid, "status"))
			q.Links = append(append(q.Links, proc(pid, "exe")), spaces(proc(pid, ""))...)
		}
		if file := l.idFile(); file != "" {
			q.Files = append(q.Files, file)
		}
	},
	third: func(l *look, q *host.Questions) {
		for _, pid := range l.dockerds {
			if d := l.process(pid); l.opened(d) {
				l.askProcess(q, d)
			}
		}
	},
	read: func(l *look, f *Facts) {
		d, running := l.daemon()
		if !running {
			f.Daemon.Err = ErrNoProcess
			return
		}
		f.Daemon.Value = d.Daemon
		f.Daemon.Value.Others, f.Daemon.Value.Unread = l.others(d), l.unread
	},
	unread: func(f *Facts, err error) { f.Daemon.Err = err },
}

// maxDaemons is how many dockerd processes of one host are looked into.
const maxDaemons = 32

// candidates are the processes that may be a dockerd, and how many more there
// are. Those that the kernel and systemd name come first, so that no number of
// others can crowd them out.
func (l *look) candidates() (pids []int, more int) {
	add := func(pid int) {
		if pid > 0 && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	if l.peer.Name == program && l.host.Kind() != host.KindSSH {
		add(l.peer.PID)
	}
	add(l.unitPID())
	named := l.named(program)
	if slices.Contains(named, l.mainPID()) {
		add(l.mainPID())
	}
	for _, pid := range named {
		add(pid)
	}
	if len(pids) > maxDaemons {
		return pids[:maxDaemons], len(pids) - maxDaemons
	}
	return pids, 0
}

// spaces are the links that tell in which namespaces a process is.
func spaces(dir string) []string {
	return []string{dir + "/ns/user", dir + "/ns/mnt", dir + "/ns/pid"}
}

// opened reports whether what a process names may be looked at: what another process names
// is not.
func (l *look) opened(d process) bool { return len(d.Args) > 0 && l.distrust(d) == "" }

// askProcess asks for what a process that may be a dockerd has named. Which one is
// the daemon is decided once all of it is there.
func (l *look) askProcess(q *host.Questions, d process) {
	if path.IsAbs(d.Exe) {
		q.Stats = append(q.Stats, chain(d.Exe)...)
	}
	askConfig(q, d)
	root := l.configuredRoot(d)
	q.Reals = append(q.Reals, root)
	if l.engine == nil {
		askRoot(q, root)
	}
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
	st := host.ParseStatus(strings.Split(string(l.seen.Files[dir+"/status"].Data), "\n"))
	if st.Known() {
		d.UID = st.UIDs[effective]
	}
	d.allRoot = st.AllRoot()
	d.Cgroup, d.unit = cgroupUnit(string(l.seen.Files[dir+"/cgroup"].Data))
	d.setConfig()
	d.Doubt = l.doubt(d)
	return d
}

// shares reports whether a process was not seen to be in another namespace than
// what looks at the host.
func (l *look) shares(dir, kind string) bool {
	theirs, ours := l.link(dir+"/ns/"+kind), l.link("/proc/self/ns/"+kind)
	return theirs == "" || ours == "" || theirs == ours
}

func (d process) snap() bool {
	return strings.HasPrefix(d.Exe, "/snap/docker/") || strings.HasPrefix(d.unit, "snap.docker.")
}

// inContainer says that a dockerd has another view of processes than the host.
func (d process) inContainer() bool { return !d.HostPIDs }

// arguments splits /proc/PID/cmdline.
func arguments(cmdline []byte) []string {
	s := strings.TrimRight(string(cmdline), "\x00")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// cgroupUnit finds the systemd service in /proc/PID/cgroup, cgroups(7), "" where
// the process is in none; and the cgroup itself: of version 2, else systemd's.
func cgroupUnit(cgroup string) (group, unit string) {
	for line := range strings.Lines(cgroup) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || f[0] != "0" && f[1] != "name=systemd" {
			continue
		}
		if group == "" || f[0] == "0" && f[2] != "/" {
			group = f[2]
		}
	}
	if base := path.Base(group); strings.HasSuffix(base, ".service") {
		unit = base
	}
	return group, unit
}

// others are the further believed dockerds of the host.
func (l *look) others(d process) []Other {
	var all []Other
	believed, _ := l.processes()
	for _, o := range believed {
		if o.PID != d.PID {
			all = append(all, Other{o.PID, l.sockets(o), l.configuredRoot(o)})
		}
	}
	return all
}

// sockets are the addresses that a dockerd was told to listen on.
func (l *look) sockets(d process) []string {
	var all []string
	for _, f := range dockerd.Flags(d.Args[1:]) {
		if f.Name == "host" {
			all = append(all, f.Value)
		}
	}
	all = append(all, l.configOf(d).Hosts...)
	if len(all) == 0 {
		return []string{"unix:///var/run/docker.sock"}
	}
	return all
}
