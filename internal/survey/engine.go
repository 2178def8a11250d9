package survey

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"
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

// Option reports whether name is among the security options, e.g. "userns",
// "rootless", "selinux", "apparmor", "no-new-privileges", "cgroupns".
func (e Engine) Option(name string) bool { return dockerd.Option(e.SecurityOptions, name) }

// Remapped reports whether the engine runs containers in user namespaces.
func (e Engine) Remapped() bool { return e.Option("userns") }

// ContainerdStore reports whether images are in the containerd image store.
func (e Engine) ContainerdStore() bool { return dockerd.ContainerdStore(e.DriverStatus) }

// SwitchedStore reports whether an engine has gone back to containerd's image store
// although it remaps. Docker 29 and later do that with "containerd-migration" in
// "features" (moby daemon/daemon.go, 29.0 to 29.8): builds fail, and
// images are not checked when they are loaded.
func (e Engine) SwitchedStore() bool {
	version, known := dockerd.ParseVersion(e.Version)
	return known && version.AtLeast(29) && e.Remapped() && e.ContainerdStore()
}

// engine asks /info and /version.
func (c *caller) engine(ctx context.Context) (Engine, error) {
	var info system.Info
	var version types.Version
	var errInfo, errVersion error
	c.all(
		func() { info, errInfo = call(c, func() (system.Info, error) { return c.api.Info(ctx) }) },
		func() {
			version, errVersion = call(c, func() (types.Version, error) { return c.api.ServerVersion(ctx) })
		},
	)
	if err := cmp.Or(errInfo, errVersion); err != nil {
		return Engine{}, err
	}
	return EngineOf(info, version), nil
}

// EngineOf reads the answers of GET /info and /version. Of one that was not asked for,
// nothing is known.
func EngineOf(info system.Info, version types.Version) Engine {
	e := Engine{
		Version: info.ServerVersion, APIVersion: version.APIVersion, MinAPIVersion: version.MinAPIVersion,
		OperatingSystem: info.OperatingSystem, OSType: info.OSType, Architecture: info.Architecture,
		KernelVersion: info.KernelVersion, Name: info.Name, ID: info.ID,
		SecurityOptions: info.SecurityOptions, Driver: info.Driver, DriverStatus: info.DriverStatus,
		DataRoot: info.DockerRootDir, CgroupDriver: info.CgroupDriver, CgroupVersion: info.CgroupVersion,
		LiveRestore: info.LiveRestoreEnabled, InitBinary: info.InitBinary, DefaultRuntime: info.DefaultRuntime,
		Runtimes:    slices.Sorted(maps.Keys(info.Runtimes)),
		RuncVersion: component(version, "runc"), ContainerdVer: component(version, "containerd"),
		Swarm: SwarmState{
			LocalNodeState: string(info.Swarm.LocalNodeState), Manager: info.Swarm.ControlAvailable, NodeID: info.Swarm.NodeID,
		},
		Containers: info.Containers, Running: info.ContainersRunning, ImageCount: info.Images,
		Warnings: info.Warnings, Labels: info.Labels, Time: timeOf(info.SystemTime),
	}
	for _, c := range version.Components {
		e.Components = append(e.Components, c.Name)
	}
	if info.Containerd != nil {
		e.ContainerdNamespaces = [2]string{info.Containerd.Namespaces.Containers, info.Containerd.Namespaces.Plugins}
	}
	return e
}

// component gives the version of a part of the engine, "" if /version does
// not name it.
func component(v types.Version, name string) string {
	for _, c := range v.Components {
		if c.Name == name {
			return c.Version
		}
	}
	return ""
}
