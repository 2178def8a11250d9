package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
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

// With the daemon down, only the endpoint and the socket's listener are known.
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

// rooted is what /proc/PID/status has of a process of root.
const rooted = "Name:\tdockerd\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"

// seeing is a look that has seen dockerd processes of root, by their arguments,
// with files and links of the host that differ from what is usual.
func seeing(processes map[int]string, files, links map[string]string) *look {
	l := &look{engine: &Engine{DataRoot: "/x"}}
	l.seen = host.Answers{Files: map[string]host.Body{}, Links: map[string]host.Targets{}, Reals: map[string]host.Real{}, Stats: map[string]host.Stat{
		"/usr/sbin/dockerd": {Mode: 0o755}, "/home/m/dockerd": {Mode: 0o755, UID: 1000},
	}}
	for _, dir := range []string{"/", "/usr", "/usr/sbin", "/home", "/home/m", "/snap", "/snap/docker", "/snap/docker/2963", "/snap/docker/2963/bin"} {
		l.seen.Stats[dir] = host.Stat{Mode: fs.ModeDir | 0o755}
	}
	l.seen.Stats["/snap/docker/2963/bin/dockerd"] = host.Stat{Mode: 0o755}
	set := func(p, target string) { l.seen.Links[p] = host.Targets{p: target} }
	for _, kind := range []string{"user", "mnt", "pid"} {
		set("/proc/self/ns/"+kind, kind+":[1]")
		for pid := range processes {
			set(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), kind+":[1]")
		}
	}
	for pid, args := range processes {
		dir := fmt.Sprintf("/proc/%d", pid)
		l.dockerds = append(l.dockerds, pid)
		l.seen.Files[dir+"/cmdline"] = host.Body{Data: []byte(strings.ReplaceAll(args, " ", "\x00") + "\x00")}
		l.seen.Files[dir+"/status"] = host.Body{Data: []byte(rooted)}
		set(dir+"/exe", "/usr/sbin/dockerd")
	}
	slices.Sort(l.dockerds)
	for p, body := range files {
		l.seen.Files[p] = host.Body{Data: []byte(body)}
	}
	for p, target := range links {
		set(p, target)
	}
	return l
}

// with has the look believe in a unit's process.
func (l *look) with(unit string, pid int) *look {
	l.units = map[string]Unit{unit: {Name: unit, LoadState: "loaded", MainPID: pid}}
	return l
}

func TestWhereByProcess(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		links  map[string]string
		want   Place
		config string
	}{
		"plain": {rooted, map[string]string{"/proc/7/exe": "/usr/sbin/dockerd (deleted)"}, PlaceHost, "/etc/docker/daemon.json"},
		"dind":  {rooted, map[string]string{"/proc/7/ns/pid": "pid:[2]"}, PlaceContainer, "/etc/docker/daemon.json"},
		"snap": {rooted, map[string]string{"/proc/7/exe": "/snap/docker/2963/bin/dockerd", "/proc/7/ns/mnt": "mnt:[2]"},
			PlaceSnap, "/var/snap/docker/current/config/daemon.json"},
		"rootless": {strings.ReplaceAll(rooted, "\t0", "\t1000"), map[string]string{"/proc/7/ns/user": "user:[2]"}, PlaceRootless, ""},
	} {
		l := seeing(map[int]string{7: "dockerd --data-root=/x"}, map[string]string{"/proc/7/status": c.status}, c.links)
		l.peer = host.Process{PID: 7, Name: "dockerd"}
		if name == "snap" {
			l.with(snapUnit, 7)
		}
		assert.Equal(t, l.where(Facts{Endpoint: "unix:///run/docker.sock"}).Place, c.want, name)
		d, ok := l.daemon()
		assert.Check(t, ok)
		assert.Equal(t, d.Config, c.config, name)
	}
}

// The name and the arguments of a process are believed only if the
// kernel says that root runs root's own program there, in the host's namespaces.
func TestBelief(t *testing.T) {
	const alice = "Name:\tdockerd\nUid:\t1000\t0\t0\t0\nGid:\t0\t0\t0\t0\n" // of a program that is setuid root
	for name, c := range map[string]struct {
		status, link, target string
		change               map[string]host.Stat
		doubt                string
	}{
		"root's":                    {},
		"upgraded since":            {link: "/proc/7/exe", target: "/usr/sbin/dockerd (deleted)"},
		"of an ordinary user":       {status: strings.ReplaceAll(rooted, "\t0", "\t1000"), doubt: "UID 1000"},
		"setuid root":               {status: alice, doubt: "UIDs are root's"},
		"no status":                 {status: "-", doubt: "UIDs are root's"},
		"user namespace":            {link: "/proc/7/ns/user", target: "user:[2]", doubt: "user namespace"},
		"mount namespace":           {link: "/proc/7/ns/mnt", target: "mnt:[2]", doubt: "mount namespace"},
		"PID namespace":             {link: "/proc/7/ns/pid", target: "pid:[2]", doubt: "PID namespace"},
		"calls itself the snap's":   {link: "/proc/7/exe", target: "/snap/docker/2963/bin/dockerd"}, // in the host's mount namespace
		"another program of root's": {link: "/proc/7/exe", target: "/usr/bin/sudo", doubt: "/usr/bin/sudo"},
		"in somebody's home":        {link: "/proc/7/exe", target: "/home/m/dockerd", doubt: `"/home/m/dockerd" belongs to UID 1000`},
		"it ended":                  {link: "/proc/7/exe", target: "", doubt: "ended"},
		"gone from the disk":        {change: map[string]host.Stat{"/usr/sbin/dockerd": {Err: fs.ErrNotExist}}, doubt: "does not exist"},
		"a group can write it":      {change: map[string]host.Stat{"/usr/sbin/dockerd": {Mode: 0o775}}, doubt: "written by others"},
		"its folder is open":        {change: map[string]host.Stat{"/usr/sbin": {Mode: fs.ModeDir | 0o777}}, doubt: `"/usr/sbin" can be written`},
		"its folder is a user's":    {change: map[string]host.Stat{"/usr": {Mode: fs.ModeDir | 0o755, UID: 1000}}, doubt: `"/usr" belongs to UID 1000`},
		"its folder is sticky":      {change: map[string]host.Stat{"/usr/sbin": {Mode: fs.ModeDir | fs.ModeSticky | 0o777}}},
		"a device":                  {change: map[string]host.Stat{"/usr/sbin/dockerd": {Mode: fs.ModeDevice | 0o755}}, doubt: "regular"},
	} {
		files, links := map[string]string{}, map[string]string{}
		if c.status != "" {
			files["/proc/7/status"] = c.status
		}
		if c.link != "" {
			links[c.link] = c.target
		}
		l := seeing(map[int]string{7: "/home/m/evil --data-root=/x"}, files, links)
		for p, s := range c.change {
			l.seen.Stats[p] = s
		}
		doubt := l.process(7).Doubt
		assert.Check(t, (doubt == "") == (c.doubt == "") && strings.Contains(doubt, c.doubt), "%s: %q", name, doubt)

		// Its data root is the engine's: that makes nobody the daemon.
		_, ok := l.daemon()
		assert.Equal(t, ok, c.doubt == "", name)
		// What systemd itself runs is the daemon, and is not believed all the same.
		d, ok := l.with(hostUnit, 7).daemon()
		assert.Equal(t, ok, c.doubt != "PID namespace" && c.link != "/proc/7/ns/pid", name)
		assert.Check(t, !ok || d.Doubt == doubt, name)
	}
}

// Without root's rights no executable is seen, and nothing is run.
func TestBeliefWithoutRoot(t *testing.T) {
	l := seeing(map[int]string{7: "dockerd --data-root=/x"}, nil, nil)
	for p := range l.seen.Links {
		if !strings.HasPrefix(p, "/proc/self") {
			l.seen.Links[p] = host.Targets{}
		}
	}
	assert.Check(t, l.process(7).Doubt != "")
	l.unprivileged = true
	assert.Equal(t, l.process(7).Doubt, "")
	l.seen.Files["/proc/7/status"] = host.Body{Data: []byte(strings.ReplaceAll(rooted, "\t0", "\t1000"))}
	assert.Check(t, l.process(7).Doubt != "")
}

// Processes of other users are ignored, and no number of them hides the one that
// systemd runs.
func TestCandidates(t *testing.T) {
	l := &look{host: host.None{}}
	l.with(hostUnit, 90000)
	lines := map[string][]string{
		"/proc/90000/status": {"Name:\tdockerd", "Uid:\t0\t0\t0\t0"},
		"/proc/5/status":     {"Name:\tdockerd"},
		"/proc/6/status":     {"Uid:\t0\t0\t0\t0"},
		"/proc/7/status":     {"Name:\tdockerd-not", "Uid:\t0\t0\t0\t0"},
	}
	l.seen = host.Answers{Lines: map[string]host.Text{names: {Files: lines}}, Files: map[string]host.Body{}}
	pids, more := l.candidates()
	assert.DeepEqual(t, pids, []int{90000})
	assert.Equal(t, more, 0)
	for pid := 100; pid < 1100; pid++ {
		lines[fmt.Sprintf("/proc/%d/status", pid)] = lines["/proc/90000/status"]
	}
	l.seen.Files[pidFile] = host.Body{Data: []byte("1099\n")}
	pids, more = l.candidates()
	assert.Equal(t, len(pids), maxDaemons)
	assert.DeepEqual(t, pids[:3], []int{90000, 100, 101})
	assert.Equal(t, more, 1001-maxDaemons)
	l.units = nil
	pids, _ = l.candidates()
	assert.Equal(t, pids[0], 1099)
}

// Over ssh the listener is unknown: the service's process is the daemon, and one
// with another data root is not.
func TestDaemonOfService(t *testing.T) {
	both := map[int]string{7: "dockerd --data-root /other -H unix:///o.sock", 8: "/usr/bin/dockerd -H fd://"}
	config := map[string]string{"/etc/docker/daemon.json": `{"data-root": "/data"}`}
	l := seeing(both, config, nil).with(hostUnit, 8)
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
	assert.DeepEqual(t, l.others(d), []Other{{7, []string{"unix:///o.sock"}, "/other"}})

	// dockerd names its data root without symlinks.
	l.engine = &Engine{DataRoot: "/mnt/big/100000.100000"}
	l.seen.Reals["/data"] = host.Real{Path: "/mnt/big"}
	d, _ = l.daemon()
	assert.Equal(t, d.PID, 8)

	// A daemon.json that was edited since the start names another data root; that of
	// the engine is still on this host.
	l.engine = &Engine{DataRoot: "/var/lib/docker", ID: "8a1f"}
	l.seen.Files["/var/lib/docker/engine-id"] = host.Body{Data: []byte("8a1f")}
	d, _ = l.daemon()
	assert.Equal(t, d.PID, 8)
	assert.Equal(t, l.where(Facts{Endpoint: "ssh://db1"}).Place, PlaceHost)
	l.engine.ID = "0000"
	_, ok := l.daemon()
	assert.Check(t, !ok)
	assert.Check(t, strings.Contains(l.where(Facts{Endpoint: "ssh://db1"}).Seen, "process 8 has /mnt/big"))
}
