package survey

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// UsualSockets are the places of the sockets of dockerd and containerd.
var UsualSockets = []string{
	"/run/docker.sock", "/run/containerd/containerd.sock", "/run/containerd/containerd.sock.ttrpc",
	"/run/docker/containerd/containerd.sock", "/run/docker/containerd/containerd.sock.ttrpc",
}

var socketsTopic = topic{
	third: func(l *look, q *host.Questions) {
		if len(l.sources()) > 0 {
			q.Reals = append(q.Reals, l.ownSockets()...)
		}
	},
	read: func(l *look, f *Facts) { f.Sockets = l.realSockets() },
}

// ownSockets are those that the dockerds and containerd of this host listen on, by
// flags, daemon.json and the unit docker.socket, or may listen on by default. Links
// are not followed.
func (l *look) ownSockets() []string {
	d, ok := l.daemon()
	if !ok {
		d = l.startedWith()
	}
	all := slices.Clone(UsualSockets)
	add := func(address string) {
		if p := strings.TrimPrefix(address, "unix://"); path.IsAbs(p) && !strings.ContainsRune(p, 0) {
			all = append(all, path.Clean(p))
		}
	}
	if len(d.Args) > 0 {
		for _, address := range l.sockets(d) {
			add(address)
		}
	}
	for _, other := range l.others(d) {
		for _, address := range other.Sockets {
			add(address)
		}
	}
	if containerd, ok := d.Flag("containerd"); ok {
		add(containerd)
	}
	for _, address := range l.units["docker.socket"].Listen {
		add(address)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// realSockets are the real paths of the engine's sockets. Those that are missing do
// not count.
func (l *look) realSockets() []string {
	var all []string
	for _, p := range l.ownSockets() {
		real := l.seen.Reals[p]
		switch {
		case isMissing(real.Err):
			continue
		case real.Err == nil && path.IsAbs(real.Path):
			p = real.Path
		}
		all = append(all, p)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
