package survey

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

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
	PlaceRemote    Place = "remote"    // tcp or npipe: another machine as far as is known
	PlaceUnknown   Place = "unknown"   // a daemon that is down, or whose process was not found
)

// Where says where the daemon runs, and what that was seen by.
type Where struct {
	Place Place
	Name  string // e.g. "Docker Desktop", "colima", "ssh (pid 812)"
	Seen  string // the evidence, e.g. `operating system "Docker Desktop"`
}

// elsewhere is the error of host facts if the daemon was not proven to run on
// the host. One that is down has nothing to prove it with, and its host is taken
// to be the one that its endpoint leads to.
func (w Where) elsewhere(up bool) error {
	switch w.Place {
	case PlaceHost, PlaceSnap, PlaceRootless:
		return nil
	case PlaceUnknown:
		if !up {
			return nil
		}
	}
	return fmt.Errorf("%w: it is %s (%s)", ErrNotThisHost, w.Name, w.Seen)
}

// where tells in what kind of place the daemon runs, by what it says of itself
// first, then by its socket, then by its process.
func (l *look) where(f Facts) Where {
	if l.engine != nil {
		if w, ok := ofEngine(*l.engine); ok {
			return w
		}
	}
	u, err := url.Parse(f.Endpoint)
	if err != nil {
		return Where{PlaceUnknown, "an endpoint that cannot be read", err.Error()}
	}
	if u.Scheme == "unix" || u.Scheme == "ssh" {
		if w, ok := ofSocket(u.Path); ok {
			return w
		}
	}
	switch u.Scheme {
	case "ssh":
		return l.ofHost(f)
	case "unix":
		return l.ofPeer(f)
	}
	return Where{PlaceRemote, "a daemon at " + f.Endpoint, "the endpoint is " + u.Scheme}
}

// ofEngine recognises those that say who they are in GET /info and /version.
func ofEngine(e Engine) (Where, bool) {
	system := fmt.Sprintf("operating system %q", e.OperatingSystem)
	name := fmt.Sprintf("host name %q", e.Name)
	switch {
	case slices.Contains(e.Components, "Podman Engine"):
		return Where{PlacePodman, "Podman", `version component "Podman Engine"`}, true
	case strings.HasPrefix(e.OperatingSystem, "Docker Desktop"):
		return Where{PlaceDesktop, "Docker Desktop", system}, true
	case strings.Contains(e.OperatingSystem, "OrbStack"):
		return Where{PlaceVM, "OrbStack", system}, true
	case strings.Contains(e.OperatingSystem, "Rancher Desktop"), e.Name == "lima-rancher-desktop":
		return Where{PlaceVM, "Rancher Desktop", system + ", " + name}, true
	case strings.Contains(e.OperatingSystem, "Boot2Docker"), e.Name == "minikube":
		return Where{PlaceVM, "a machine of minikube or boot2docker", system + ", " + name}, true
	case e.Name == "colima" || strings.HasPrefix(e.Name, "colima-"):
		return Where{PlaceVM, "Colima", name}, true
	case strings.HasPrefix(e.Name, "lima-"):
		return Where{PlaceVM, "Lima", name}, true
	case e.Option("rootless"):
		return Where{PlaceRootless, "a rootless daemon", `security option "name=rootless"`}, true
	}
	return Where{}, false
}

// sockets are parts of the paths that sockets of virtual machines have in the
// homes of their users, and those of Podman.
var sockets = []struct {
	part string
	Where
}{
	{"/.docker/desktop/", Where{PlaceDesktop, "Docker Desktop", ""}},
	{"/.docker/run/", Where{PlaceDesktop, "Docker Desktop", ""}},
	{"/.colima/", Where{PlaceVM, "Colima", ""}},
	{"/.config/colima/", Where{PlaceVM, "Colima", ""}},
	{"/.orbstack/", Where{PlaceVM, "OrbStack", ""}},
	{"/.rd/", Where{PlaceVM, "Rancher Desktop", ""}},
	{"/.lima/", Where{PlaceVM, "Lima", ""}},
	{"/podman/", Where{PlacePodman, "Podman", ""}},
	{"/podman.sock", Where{PlacePodman, "Podman", ""}},
	{"/run/user/", Where{PlaceRootless, "a rootless daemon", ""}},
}

func ofSocket(socket string) (Where, bool) {
	for _, s := range sockets {
		if strings.Contains(socket, s.part) {
			s.Seen = fmt.Sprintf("socket %q", socket)
			return s.Where, true
		}
	}
	return Where{}, false
}

// ofPeer goes by who listens on a socket of this machine. A name is no proof: a
// dockerd has to be believed, or be the process that systemd runs as the service,
// and only process 1 listens for one.
func (l *look) ofPeer(f Facts) Where {
	p := l.peer
	who := fmt.Sprintf("%s (pid %d)", path.Base(p.Name), p.PID)
	switch {
	case p == (host.Process{}):
		return l.ofSilence(f)
	case p.PID == 0:
		return Where{PlaceContainer, "on the machine that this container's socket comes from", "the socket's listener is out of this container's sight"}
	case p.PID == 1, p.Name == "", p.PID == l.unitPID():
		return l.ofHost(f)
	case p.Name != program:
		return Where{PlaceForwarded, "behind " + who, "the socket's listener is not dockerd"}
	}
	switch d := l.process(p.PID); {
	case d.Doubt == "" || d.inContainer() || !d.HostUserns:
		return l.ofHost(f)
	default:
		return Where{PlaceForwarded, "behind " + who, "the socket's listener is not the dockerd of this host's root: " + d.Doubt}
	}
}

// ofSilence: nobody listens, so only what is installed here can tell.
func (l *look) ofSilence(f Facts) Where {
	if f.Engine.Err == nil {
		return Where{PlaceUnknown, "a daemon whose process cannot be seen", "it is unknown who listens on the socket"}
	}
	return Where{PlaceUnknown, "a daemon that does not run", "nobody listens on the socket"}
}

// ofHost goes by the dockerd that was found on the host.
func (l *look) ofHost(f Facts) Where {
	d, ok := l.daemon()
	seen := fmt.Sprintf("dockerd is process %d", d.PID)
	switch {
	case !ok && f.Engine.Err != nil:
		return Where{PlaceUnknown, "a daemon that does not run", "no dockerd runs there"}
	case !ok:
		return Where{PlaceUnknown, "a daemon whose process cannot be seen", l.unfit()}
	case d.inContainer():
		return Where{PlaceContainer, "inside a container", seen + ", in a PID namespace of its own"}
	case d.snap():
		return Where{PlaceSnap, "the docker snap", seen + ", " + d.Exe}
	case !d.HostUserns:
		return Where{PlaceRootless, "a rootless daemon", seen + ", in a user namespace of its own"}
	}
	return Where{PlaceHost, "this host", seen}
}

// unfit says why no dockerd of the host was taken for the one that answers.
func (l *look) unfit() string {
	believed, doubted := l.processes()
	seen := fmt.Sprintf("no dockerd with its data root %s was found there", l.engine.DataRoot)
	for _, d := range believed {
		seen += fmt.Sprintf("; process %d has %s", d.PID, l.real(l.configuredRoot(d)))
	}
	for _, d := range doubted {
		seen += fmt.Sprintf("; could not confirm that process %d is one: %s", d.PID, d.Doubt)
	}
	return seen
}
