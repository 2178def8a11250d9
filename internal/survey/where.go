package survey

import "errors"

var (
	// ErrDaemonDown: the API does not answer. Host facts are there all the same.
	ErrDaemonDown = errors.New("the daemon does not answer")
	// ErrAPIVersion: the API answers, but it no longer speaks a version that this
	// program knows (min-api-version of daemon.json). The wrapping error names it.
	ErrAPIVersion = errors.New("the daemon refuses the API version of this program")
	// ErrNotThisHost: the daemon runs on a machine, or in a container, that the
	// endpoint does not lead into. The wrapping error names it.
	ErrNotThisHost = errors.New("the daemon does not run on this machine")
)

// Place is a kind of place that a daemon can run in.
type Place string

// The places. Only on the first three are host facts those of the daemon's own
// machine.
const (
	PlaceHost      Place = "host"      // a plain dockerd on the machine that host facts are of
	PlaceSnap      Place = "snap"      // the docker snap on it: files in other places
	PlaceRootless  Place = "rootless"  // a rootless dockerd on it: remap is neither needed nor possible
	PlaceDesktop   Place = "desktop"   // Docker Desktop's virtual machine
	PlaceVM        Place = "vm"        // another virtual machine: Colima, Lima, OrbStack, Rancher Desktop, Podman machine
	PlaceContainer Place = "container" // a dockerd inside a container, or we in one with its socket mounted
	PlaceForwarded Place = "forwarded" // a socket that something else than dockerd listens on, such as ssh -L or socat
	PlacePodman    Place = "podman"    // Podman's imitation of the API
	PlaceRemote    Place = "remote"    // tcp or npipe: another machine as far as can be told
	PlaceUnknown   Place = "unknown"   // a daemon that is down, or whose process was not found
)

// Where says where the daemon runs, and what that was seen by.
type Where struct {
	Place Place
	Name  string // e.g. "Docker Desktop", "colima", "ssh (pid 812)"
	Seen  string // the evidence, e.g. `operating system "Docker Desktop"`
}
