package survey

import (
	"strconv"

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
	// Socket is docker.socket's ActiveState, "" where there is none. While it
	// listens, any client's call starts dockerd again.
	Socket     string
	Listen     []string // of a socket unit: what it listens on
	NeedReload bool     // files on disk changed since systemd read them
}

// EnvironmentFile is a file that systemd reads variables from. Where it is not
// Optional, the unit does not start without it.
type EnvironmentFile struct {
	Path     string
	Optional bool
}

// addUnits reads an answer of systemctl show.
func (l *look) addUnits(r host.Result) {
	if l.units == nil {
		l.units = map[string]Unit{}
	}
	for name, show := range parseShow(string(r.Stdout)) {
		l.units[name] = unitOf(show)
	}
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

// manager is what supervises dockerd where systemd has no unit for it. A process
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
