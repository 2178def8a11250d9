package survey

import (
	"strings"
	"time"
)

// Container is what decides how a container fares with remap, from inspect.
type Container struct {
	ID      string
	Name    string // without the leading slash
	Image   string // as it was asked for
	ImageID string
	State   string // "created", "running", "paused", "restarting", "exited", "dead"
	PID     int    // of its first process, on the host; 0 if it does not run
	Labels  map[string]string

	Restarts   int       // how often its restart policy has started it again
	Started    time.Time // when it was last started; zero if never
	ExitCode   int       // of the last time it ended
	Health     string    // "healthy", "unhealthy", "starting"; "" if it has no health check
	MaxRetries int       // of its restart policy; 0 if there is no limit

	User     string        // as configured: "", "1000", "app", "app:staff"
	Identity Read[Account] // who that is, inside the container

	Privileged     bool
	UsernsMode     string // "" or "host"
	NetworkMode    string // "bridge", "host", "none", "container:<id>", a network's name
	PIDMode        string // "", "host", "container:<id>"
	IPCMode        string // "private", "host", "container:<id>", …
	UTSMode        string
	CgroupnsMode   string
	GroupAdd       []string
	CapAdd         []string
	SecurityOpt    []string
	ReadOnly       bool
	AutoRemove     bool   // gone once it stops
	StopTimeout    int    // seconds that it has to end in; negative: as long as it takes
	Ports          []Port // of the host, that lead to it
	Restart        string // restart policy's name
	Devices        []Device
	DeviceRules    []string          // cgroup rules
	DeviceRequests []string          // drivers of --gpus and its like
	Networks       []string          // names of those it is attached to
	Tmpfs          map[string]string // destination to mount options, of --tmpfs
	Mounts         []Mount
	Runtime        string
}

// Port is a port of the host that leads to a container.
type Port struct {
	Address  string // of the host, "" and "0.0.0.0" for all of IPv4
	Number   int
	Protocol string // "tcp", "udp", "sctp"
}

// Running reports whether the container has processes that a restart of the daemon
// stops.
func (c Container) Running() bool {
	return c.State == "running" || c.State == "paused" || c.State == "restarting"
}

// HostUserns reports whether the container uses --userns=host.
func (c Container) HostUserns() bool { return c.UsernsMode == "host" }

// Shares gives the containers, by ID or name, whose network, PID or IPC
// namespace this one joins, with the namespace's name.
func (c Container) Shares() map[string]string {
	joined := map[string]string{}
	for space, mode := range map[string]string{"network": c.NetworkMode, "pid": c.PIDMode, "ipc": c.IPCMode} {
		if other, ok := strings.CutPrefix(mode, "container:"); ok {
			joined[space] = other
		}
	}
	return joined
}

// Builder reports whether this is a BuildKit of buildx's docker-container driver,
// and the builder's name. The driver names them buildx_buildkit_<builder><n>
// (driver/docker-container in docker/buildx).
func (c Container) Builder() (string, bool) {
	name, ok := strings.CutPrefix(c.Name, "buildx_buildkit_")
	return strings.TrimRight(name, "0123456789"), ok
}

// Project is the Compose project the container belongs to, "" if none.
func (c Container) Project() string { return c.Labels["com.docker.compose.project"] }

// Device is a host device given to a container.
type Device struct{ Host, Container, Permissions string }

// Mount is one mount of a container.
type Mount struct {
	Type        string // "bind", "volume", "tmpfs", "npipe", "cluster"
	Name        string // of a volume
	Source      string // on the host; "" for tmpfs
	Destination string
	Driver      string
	Writable    bool
	Propagation string
}
