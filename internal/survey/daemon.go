package survey

import (
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
)

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
	return flagOf(d.Args[1:], name)
}

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

// ConfigFile is daemon.json. Where there is none, the Read it stands in has
// fs.ErrNotExist, and Path says where it would be.
type ConfigFile struct {
	TextFile
	Real   string    // its path without symlinks, "" if that was not found out
	Link   string    // where it is a symlink: what it leads to in the end
	Parent host.Stat // its directory
}

// Is reports whether a path is that of the file, as dockerd was told it or without
// symlinks.
func (c ConfigFile) Is(p string) bool {
	p = path.Clean(p)
	return p == path.Clean(c.Path) || p == c.Real
}

// Storage is the ground that the data root stands on.
type Storage struct {
	DataRoot string // without symlinks, and without the "/<uid>.<gid>" of remap
	Current  string // in use now: DataRoot, or the remapped root in it
	Path     Path   // of DataRoot
	Real     string // DataRoot
	Space    host.Space
	Trees    []Tree // "<uid>.<gid>" folders in DataRoot, in use or left from before
}

// Tree is a remapped root.
type Tree struct {
	Name     string // "100000.100000"
	UID, GID int64
	Stat     host.Stat
	Images   int // layers recorded in it; 0 where it was never used
	InUse    bool
}
