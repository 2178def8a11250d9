// Package survey takes one snapshot of a daemon and of the machine it runs on.
// It reads and reports; what the facts mean is for package check, package remap
// and package verify to decide.
package survey

import "github.com/docker-userns/docker-userns/internal/host"

// Read is a group of facts, or why they could not be read. If Err is set,
// Value holds what was learnt all the same, often nothing.
//
// Errors to ask for with errors.Is: [ErrDaemonDown], [ErrNotThisHost],
// host.ErrNone, fs.ErrPermission.
type Read[T any] struct {
	Value T
	Err   error
}

// Facts are everything that was seen. Host facts are of the daemon's host, never
// of the machine that asks unless it is the same one; they carry
// [ErrNotThisHost] or host.ErrNone where that host cannot be looked at.
type Facts struct {
	Context string // name of the docker context, "" if there is none
	// Docker are the words that make docker use this engine, e.g.
	// "docker --context prod"; none stands for "docker".
	Docker   []string
	Endpoint string // e.g. "unix:///var/run/docker.sock", "ssh://root@db1"
	HostKind string // host.KindLocal, …
	Root     error  // why the host is not looked at as root; nil if it is
	Where    Where

	// From the daemon's API.
	Engine     Read[Engine]
	Containers Read[[]Container] // sorted by name, running or not
	Images     Read[[]Image]
	Volumes    Read[[]Volume]
	Networks   Read[[]Network]
	Plugins    Read[[]Plugin]
	Swarm      Read[[]SwarmService] // empty unless the node is a manager

	// From the host.
	Daemon   Read[Daemon]
	Unit     Read[Unit]
	Start    Read[Start] // how dockerd is started next
	Config   Read[ConfigFile]
	SubUID   Read[TextFile] // /etc/subuid
	SubGID   Read[TextFile] // /etc/subgid
	Accounts Read[Accounts]
	Kernel   Read[Kernel]
	Tools    Read[Tools]
	Maps     Read[[]LiveMap]
	Storage  Read[Storage]
	Paths    Read[map[string]Path] // by Mount.Source: those of all bind mounts
	Left     Read[[]Left]          // containers that run here and that the engine does not know
	Pending  Read[*Pending]        // a change under way; nil if there is none

	// MountTable is the host's.
	MountTable Read[[]MountPoint]
	// Sockets are the real paths of those that dockerd and containerd listen on, as
	// far as flags, daemon.json and docker.socket say.
	Sockets []string
}

// Remapped reports whether the daemon that runs remaps user namespaces. It is only
// known where Engine could be read, or, with the daemon down, not at all: then
// ok is false.
func (f Facts) Remapped() (remapped, ok bool) {
	return f.Engine.Value.Remapped(), f.Engine.Err == nil
}

// SameHost reports whether host facts are there to be read.
func (f Facts) SameHost() bool { return f.HostKind != host.KindNone }

// ConfigPath is the path of daemon.json, there or not: the one that dockerd reads
// when it is started next.
func (f Facts) ConfigPath() string {
	switch {
	case f.Config.Value.Path != "":
		return f.Config.Value.Path
	case f.Start.Value.Config != "":
		return f.Start.Value.Config
	case f.Daemon.Value.Config != "":
		return f.Daemon.Value.Config
	}
	return hostConfig
}

// Container gives the container with an ID, and reports whether there is one.
func (f Facts) Container(id string) (Container, bool) {
	for _, c := range f.Containers.Value {
		if c.ID == id {
			return c, true
		}
	}
	return Container{}, false
}
