package survey

import (
	"strconv"
	"strings"
	"time"
)

// Engine is what GET /info and /version say.
type Engine struct {
	Version         string // e.g. "28.5.2"
	APIVersion      string // the highest it speaks, e.g. "1.51"
	MinAPIVersion   string
	OperatingSystem string // e.g. "Debian GNU/Linux 12 (bookworm)", "Docker Desktop"
	OSType          string // "linux", "windows"
	Architecture    string // of the host, as uname says it, e.g. "x86_64"
	KernelVersion   string
	Name            string   // the host's name
	ID              string   // changes with the data root from 23.0 on
	SecurityOptions []string // e.g. "name=seccomp,profile=default", "name=userns", "name=rootless", "name=selinux"
	Driver          string   // storage driver, or snapshotter of the containerd store
	DriverStatus    [][2]string
	DataRoot        string // DockerRootDir; ends in "/<uid>.<gid>" with remap on
	CgroupDriver    string
	CgroupVersion   string
	LiveRestore     bool
	InitBinary      string
	DefaultRuntime  string
	Runtimes        []string // names
	RuncVersion     string   // from /version's components, "" unknown
	ContainerdVer   string
	Components      []string // names of /version's parts, e.g. "Engine", "Podman Engine"
	Swarm           SwarmState
	Containers      int // all of them
	Running         int
	ImageCount      int
	Warnings        []string
	// ContainerdNamespaces are the namespaces of containers and plugins, from
	// API 1.46 on; empty before.
	ContainerdNamespaces [2]string
	Labels               []string  // of the daemon
	Time                 time.Time // by the clock of its host, when it was asked; zero unknown
}

// SwarmState is the node's part in a swarm.
type SwarmState struct {
	LocalNodeState string // "inactive", "pending", "active", "error", "locked"
	Manager        bool
	NodeID         string
}

// Option says whether name is among the security options, e.g. "userns",
// "rootless", "selinux", "apparmor", "no-new-privileges", "cgroupns".
func (e Engine) Option(name string) bool {
	for _, o := range e.SecurityOptions {
		for field := range strings.SplitSeq(o, ",") {
			if field == "name="+name {
				return true
			}
		}
	}
	return false
}

// Remapped says whether the engine runs containers in user namespaces:
// "name=userns" stands in the security options of 20.10 to 29 exactly where
// the remapped root is not host root (daemon/info.go).
func (e Engine) Remapped() bool { return e.Option("userns") }

// ContainerdStore says whether images are in the containerd image store: the
// driver status holds a driver-type of containerd's from 24.0 on.
func (e Engine) ContainerdStore() bool {
	for _, s := range e.DriverStatus {
		if s[0] == "driver-type" && strings.HasPrefix(s[1], "io.containerd.snapshotter.") {
			return true
		}
	}
	return false
}

// Image is an image of the store, not its layers: those are package image's.
type Image struct {
	ID      string   // digest of its configuration
	Tags    []string // "app:1"; empty where it has no name
	Size    int64    // bytes, layers shared with others included
	Created time.Time
}

// Volume is a volume of the current data root.
type Volume struct {
	Name       string
	Driver     string
	Mountpoint string // on the host
	Size       int64  // bytes; -1 where the engine did not say in time
	Containers int    // that refer to it; -1 unknown
	Labels     map[string]string
	Options    map[string]string
}

// Unnamed reports whether a volume has the name that the engine gives one that was made
// without a name.
func Unnamed(volume string) bool { return longID.MatchString(volume) }

// Network is a network that someone made: bridge, host, none and
// docker_gwbridge are left out.
type Network struct {
	Name, ID, Driver, Scope string
	Containers              []string // names of the running ones attached
}

// Plugin is a managed plugin.
type Plugin struct {
	Name, ID string
	Enabled  bool
	Types    []string // e.g. "docker.volumedriver/1.0"
}

// SwarmService is a service of the swarm.
type SwarmService struct {
	Name, ID, Image string
	Mode            string // "replicated" or "global"
}

// SwitchedStore reports whether an engine has gone back to containerd's image store
// although it remaps. Docker 29 and later do that with "containerd-migration" in
// "features" (moby daemon/daemon.go, 29.0 to 29.8): builds fail, and
// images are not checked when they are loaded.
func (e Engine) SwitchedStore() bool {
	major, _, _ := strings.Cut(e.Version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= 29 && e.Remapped() && e.ContainerdStore()
}
