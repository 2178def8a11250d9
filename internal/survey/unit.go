package survey

import (
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Units of dockerd, of Docker's packages and of the snap; and its PID file.
const (
	hostUnit = "docker.service"
	snapUnit = "snap.docker.dockerd.service"
	pidFile  = "/var/run/docker.pid"
)

// defaults are the files that init scripts read variables from.
var defaults = []string{"/etc/default/docker", "/etc/conf.d/docker", "/etc/sysconfig/docker", "/etc/sysconfig/docker-storage"}

// Manager is what starts and supervises dockerd.
type Manager string

// The service managers.
const (
	Systemd Manager = "systemd"
	OpenRC  Manager = "openrc"
	SysV    Manager = "sysv"
	SnapD   Manager = "snap" // systemd underneath, flags fixed by the snap
	NoUnit  Manager = "none" // dockerd was started by hand or by something unknown
)

// Unit is how dockerd is started.
type Unit struct {
	Manager   Manager
	Name      string // "docker.service", "snap.docker.dockerd.service", "docker"
	LoadState string // systemd's, e.g. "loaded", "masked"
	Active    string // "active", "inactive", "failed", "activating"
	Sub       string // "running", "dead", "start-limit-hit", …
	Result    string // "success", "exit-code", "start-limit-hit"
	MainPID   int
	NRestarts int
	File      string   // FragmentPath
	DropIns   []string // paths
	// Start is ExecStart's argv as systemd has it: variables of the environment
	// files are not put in, unless Verbatim says that there are none to put in.
	Start            string
	Verbatim         bool
	Program          string            // what is run: a path
	EnvironmentFiles []EnvironmentFile // that the unit names
	Files            []TextFile        // the unit, its drop-ins and environment files, /etc/conf.d/docker, those that are there
	Environment      []string
	Restart          string // "always", "on-failure", "no"
	KillMode         string
	// Socket is docker.socket's ActiveState, "" if there is none. While it
	// listens, any client's call starts dockerd again.
	Socket     string
	Listen     []string // of a socket unit: what it listens on
	NeedReload bool     // files on disk changed since systemd read them
}

// EnvironmentFile is a file that systemd reads variables from. If it is not
// Optional, the unit does not start without it.
type EnvironmentFile struct {
	Path     string
	Optional bool
}

// showUnits are the units of dockerd that a host may have.
var showUnits = showUnit(hostUnit, "docker.socket", snapUnit)

// showUnit asks systemd for units.
func showUnit(names ...string) []string {
	return append([]string{"systemctl", "show", "--no-pager", properties, "--"}, names...)
}

var unitTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Files = append(append(q.Files, pidFile), defaults...)
		q.Stats = append(q.Stats, "/run/systemd/system", "/run/openrc", "/etc/init.d/docker")
		q.Commands = append(q.Commands, host.Command{Args: showUnits})
	},
	learn: (*look).learnUnits,
	second: func(l *look, q *host.Questions) {
		for _, unit := range l.units {
			q.Files = append(q.Files, unit.DropIns...)
			if unit.Program != "" {
				q.Files, q.Reals = append(q.Files, unit.File), append(q.Reals, unit.Program)
			}
			for _, f := range unit.EnvironmentFiles {
				q.Files = append(q.Files, f.Path)
			}
		}
	},
	// A dockerd may be started by a unit of another name.
	third: func(l *look, q *host.Questions) {
		for _, pid := range l.dockerds {
			d := l.process(pid)
			if _, known := l.units[d.unit]; d.unit != "" && !known && l.opened(d) {
				q.Commands = append(q.Commands, host.Command{Args: showUnit(d.unit)})
			}
		}
	},
	read: func(l *look, f *Facts) {
		d, _ := l.daemon()
		f.Unit.Value = l.unit(d)
	},
	unread: func(f *Facts, err error) { f.Unit.Err = err },
}

// learnUnits reads what systemctl show has said.
func (l *look) learnUnits() {
	if l.units == nil {
		l.units = map[string]Unit{}
	}
	for words, r := range l.ran {
		if strings.HasPrefix(words, "systemctl\x00show\x00") {
			for name, show := range parseShow(string(r.Stdout)) {
				l.units[name] = unitOf(show)
			}
		}
	}
}

// service is the unit that starts dockerd: of the name given, else the one of
// Docker's packages, else the snap's. The zero Unit if there is none.
func (l *look) service(name string) Unit {
	for _, n := range []string{name, hostUnit, snapUnit} {
		if u, ok := l.units[n]; ok && (u.LoadState != "not-found" || u.MainPID > 0) {
			return u
		}
	}
	return Unit{}
}

// unit is how dockerd is started. A dockerd that is not the service's own
// process was started by something else.
func (l *look) unit(d process) Unit {
	u := l.service(d.unit)
	if d.PID > 0 && u.MainPID != d.PID {
		u = Unit{}
	}
	if u.Name == "" {
		u.Manager = l.manager(d)
	}
	if u.Manager == OpenRC || u.Manager == SysV {
		u.Name = "docker"
	}
	if socket := l.units["docker.socket"]; socket.LoadState == "loaded" {
		u.Socket = socket.Active
	}
	u.Files = l.unitFiles(u)
	return u
}

// unitFiles are the files that say with what flags a unit starts dockerd.
func (l *look) unitFiles(u Unit) []TextFile {
	var paths []string
	if u.File != "" {
		paths = append(paths, u.File)
	}
	paths = append(paths, u.DropIns...)
	for _, f := range u.EnvironmentFiles {
		paths = append(paths, f.Path)
	}
	if u.Manager == OpenRC || u.Manager == SysV {
		paths = append(paths, defaults...)
	}
	var files []TextFile
	for _, p := range paths {
		if t := l.text(p); t.Err == nil {
			files = append(files, t.Value)
		}
	}
	return files
}

// manager is what supervises dockerd if systemd has no unit for it. A process
// counts as that of an init script where it is the one of dockerd's PID file.
func (l *look) manager(d process) Manager {
	there := func(p string) bool { return l.seen.Stats[p].Err == nil }
	switch {
	case there("/run/systemd/system"), d.PID > 0 && d.PID != l.mainPID():
		return NoUnit
	case there("/run/openrc"):
		return OpenRC
	case there("/etc/init.d/docker"):
		return SysV
	}
	return NoUnit
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

// mainPID is the process of the host's own docker service.
func (l *look) mainPID() int {
	if pid := l.unitPID(); pid > 0 {
		return pid
	}
	pid, _ := strconv.Atoi(trimmed(l.seen.Files[pidFile]))
	return pid
}
