package survey

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

func TestWhereByName(t *testing.T) {
	for name, c := range map[string]struct {
		engine Engine
		want   Place
		called string
	}{
		"desktop":         {Engine{OperatingSystem: "Docker Desktop", Name: "docker-desktop"}, PlaceDesktop, "Docker Desktop"},
		"desktop and ece": {Engine{OperatingSystem: "Docker Desktop", SecurityOptions: []string{"name=userns"}}, PlaceDesktop, "Docker Desktop"},
		"colima":          {Engine{OperatingSystem: "Ubuntu 24.04.1 LTS", Name: "colima"}, PlaceVM, "Colima"},
		"colima profile":  {Engine{Name: "colima-work"}, PlaceVM, "Colima"},
		"lima":            {Engine{Name: "lima-default"}, PlaceVM, "Lima"},
		"rancher":         {Engine{OperatingSystem: "Rancher Desktop WSL Distribution"}, PlaceVM, "Rancher Desktop"},
		"orbstack":        {Engine{OperatingSystem: "OrbStack"}, PlaceVM, "OrbStack"},
		"podman":          {Engine{OperatingSystem: "fedora", Components: []string{"Podman Engine", "Conmon"}}, PlacePodman, "Podman"},
		"rootless":        {Engine{SecurityOptions: []string{"name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"}}, PlaceRootless, "a rootless daemon"},
	} {
		// What the engine says goes before what listens here.
		l := &look{engine: &c.engine, peer: host.Process{PID: 7, Name: "dockerd"}}
		w := l.where(Facts{Endpoint: "unix:///var/run/docker.sock"})
		assert.Equal(t, w.Place, c.want, name)
		assert.Equal(t, w.Name, c.called)
		assert.Check(t, w.Seen != "")
	}
	_, ok := ofEngine(Engine{OperatingSystem: "Debian GNU/Linux 12 (bookworm)", Name: "web1"})
	assert.Check(t, !ok)
}

// With the daemon down the endpoint and the socket's listener are all there is.
func TestWhereByEndpoint(t *testing.T) {
	down := Facts{Engine: Read[Engine]{Err: ErrDaemonDown}}
	for endpoint, want := range map[string]Place{
		"unix:///Users/me/.docker/run/docker.sock":     PlaceDesktop,
		"unix:///home/me/.docker/desktop/docker.sock":  PlaceDesktop,
		"unix:///Users/me/.colima/default/docker.sock": PlaceVM,
		"unix:///run/user/1000/docker.sock":            PlaceRootless,
		"unix:///run/user/1000/podman/podman.sock":     PlacePodman,
		"unix:///var/run/docker.sock":                  PlaceUnknown,
		"ssh://root@db1":                               PlaceUnknown,
		"ssh://me@db1/run/user/1000/docker.sock":       PlaceRootless,
		"tcp://10.0.0.1:2376":                          PlaceRemote,
		"npipe:////./pipe/docker_engine":               PlaceRemote,
		"unix://%zz":                                   PlaceUnknown,
	} {
		down.Endpoint = endpoint
		assert.Equal(t, (&look{}).where(down).Place, want, endpoint)
	}
}

func TestWhereByListener(t *testing.T) {
	up := Facts{Endpoint: "unix:///var/run/docker.sock"}
	for name, c := range map[string]struct {
		peer host.Process
		want Place
	}{
		"ssh":         {host.Process{PID: 812, UID: 1000, Name: "ssh"}, PlaceForwarded},
		"socat":       {host.Process{PID: 812, Name: "socat"}, PlaceForwarded},
		"not in view": {host.Process{UID: 1}, PlaceContainer},
		"no listener": {host.Process{}, PlaceUnknown},
		"systemd":     {host.Process{PID: 1, Name: "systemd"}, PlaceUnknown}, // no dockerd is seen
	} {
		w := (&look{peer: c.peer, engine: &Engine{}}).where(up)
		assert.Equal(t, w.Place, c.want, name)
		assert.Check(t, errors.Is(w.elsewhere(true), ErrNotThisHost), name)
	}
	for _, p := range []Place{PlaceHost, PlaceSnap, PlaceRootless} {
		assert.NilError(t, Where{Place: p}.elsewhere(true))
	}
	assert.NilError(t, Where{Place: PlaceUnknown}.elsewhere(false))
}

// seeing is a look that has seen one dockerd.
func seeing(files map[string]string, links map[string]string) *look {
	l := &look{peer: host.Process{PID: 7, Name: "dockerd"}, dockerds: []int{7}, engine: &Engine{DataRoot: "/x"}}
	l.seen = host.Answers{Files: map[string]host.Body{}, Links: map[string]host.Targets{}}
	for p, body := range files {
		l.seen.Files[p] = host.Body{Data: []byte(body)}
	}
	for p, target := range links {
		l.seen.Links[p] = host.Targets{p: target}
	}
	return l
}

func TestWhereByProcess(t *testing.T) {
	const cmdline, status = "dockerd\x00--data-root=/x\x00", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
	for name, c := range map[string]struct {
		links  map[string]string
		want   Place
		config string
	}{
		"plain": {map[string]string{"/proc/7/exe": "/usr/bin/dockerd (deleted)", "/proc/7/ns/pid": "pid:[1]", "/proc/self/ns/pid": "pid:[1]"},
			PlaceHost, "/etc/docker/daemon.json"},
		"dind": {map[string]string{"/proc/7/ns/pid": "pid:[2]", "/proc/self/ns/pid": "pid:[1]"}, PlaceContainer, "/etc/docker/daemon.json"},
		"snap": {map[string]string{"/proc/7/exe": "/snap/docker/2963/bin/dockerd", "/proc/7/ns/mnt": "mnt:[2]", "/proc/self/ns/mnt": "mnt:[1]"},
			PlaceSnap, "/var/snap/docker/current/config/daemon.json"},
		"rootless": {map[string]string{"/proc/7/ns/user": "user:[2]", "/proc/self/ns/user": "user:[1]"}, PlaceRootless, ""},
	} {
		l := seeing(map[string]string{"/proc/7/cmdline": cmdline, "/proc/7/status": status}, c.links)
		assert.Equal(t, l.where(Facts{Endpoint: "unix:///run/docker.sock"}).Place, c.want, name)
		d, ok := l.daemon()
		assert.Check(t, ok)
		assert.Equal(t, d.Config, c.config, name)
	}
}

// Over ssh nobody says who listens: the service's process is the daemon, and one
// with another data root is not.
func TestDaemonOfService(t *testing.T) {
	l := seeing(map[string]string{
		"/proc/7/cmdline": "dockerd\x00--data-root\x00/other\x00", "/proc/8/cmdline": "/usr/bin/dockerd\x00-H\x00fd://\x00",
		"/etc/docker/daemon.json": `{"data-root": "/data"}`,
	}, nil)
	l.peer, l.dockerds = host.Process{}, []int{7, 8}
	l.units = map[string]Unit{"docker.service": {Name: "docker.service", LoadState: "loaded", MainPID: 8}}
	for root, want := range map[string]int{"/data": 8, "/data/100000.100000": 8, "/other": 7, "/var/lib/docker": 0} {
		l.engine = &Engine{DataRoot: root}
		d, ok := l.daemon()
		assert.Equal(t, d.PID, want, root)
		assert.Equal(t, ok, want != 0)
	}
	l.engine = nil
	d, _ := l.daemon()
	assert.Equal(t, d.PID, 8)
	assert.Equal(t, l.dataRoot(), "/data")
}
