package check

import (
	"errors"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

type auditReport = audit.Report

var errTest = errors.New("it went wrong")

func read[T any](v T) survey.Read[T] { return survey.Read[T]{Value: v} }

func text(path, data string) survey.TextFile {
	return survey.TextFile{Path: path, Data: []byte(data), Stat: host.Stat{Mode: 0o644, Size: int64(len(data))}}
}

// sound is a Debian host with Docker 28.5.2, one container and nothing wrong;
// remap is off, and the account is not there yet.
func sound() survey.Facts {
	return survey.Facts{
		Context: "default", Endpoint: "unix:///var/run/docker.sock", HostKind: host.KindLocal,
		Where: survey.Where{Place: survey.PlaceHost, Name: "dockerd", Seen: "process 812"},
		Engine: read(survey.Engine{
			Version: "28.5.2", APIVersion: "1.51", OSType: "linux", OperatingSystem: "Debian GNU/Linux 13", Driver: "overlay2",
			KernelVersion: "6.12.0", RuncVersion: "1.3.0", DataRoot: "/var/lib/docker", Running: 0, ImageCount: 1,
			SecurityOptions: []string{"name=seccomp,profile=builtin", "name=cgroupns"}, Swarm: survey.SwarmState{LocalNodeState: "inactive"},
		}),
		Containers: read([]survey.Container(nil)),
		Images:     read([]survey.Image{{ID: "sha256:1", Tags: []string{"app:1"}, Size: 50e6}}),
		Volumes:    read([]survey.Volume(nil)),
		Networks:   read([]survey.Network(nil)),
		Plugins:    read([]survey.Plugin(nil)),
		Swarm:      read([]survey.SwarmService(nil)),
		Daemon: read(survey.Daemon{
			PID: 812, Exe: "/usr/sbin/dockerd", Args: []string{"/usr/sbin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"},
			Config: "/etc/docker/daemon.json", HostUserns: true, HostMounts: true, HostPIDs: true,
		}),
		Unit: read(survey.Unit{
			Manager: survey.Systemd, Name: "docker.service", LoadState: "loaded", Active: "active", Sub: "running", Result: "success", MainPID: 812,
			Start: "/usr/sbin/dockerd -H fd:// $DOCKER_OPTS",
		}),
		Start: read(survey.Start{
			Program: "/usr/sbin/dockerd", Args: []string{"-H", "fd://", "--containerd=/run/containerd/containerd.sock"},
			Config: "/etc/docker/daemon.json", DataRoot: "/var/lib/docker", FromUnit: true,
		}),
		Config: read(survey.ConfigFile{TextFile: text("/etc/docker/daemon.json", "{\n  \"log-driver\": \"local\"\n}\n"), Parent: host.Stat{Mode: fs.ModeDir | 0o755}}),
		SubUID: read(text("/etc/subuid", "alice:100000:65536\n")),
		SubGID: read(text("/etc/subgid", "alice:100000:65536\n")),
		Accounts: read(survey.Accounts{
			Users:  []survey.Entry{{Name: "root"}, {Name: "alice", ID: 1000, GID: 1000}},
			Groups: []survey.Entry{{Name: "root"}, {Name: "alice", ID: 1000}},
		}),
		Kernel: read(survey.Kernel{
			Release: "6.12.0", UserNamespaces: true, MaxUserns: read(int64(95000)), Unprivileged: read(int64(1)),
			AppArmor: survey.Read[int64]{Err: fs.ErrNotExist}, Init: "systemd", MaxKeys: read(int64(200)), MaxKeyBytes: read(int64(20000)),
			Map: whole,
		}),
		Tools: read(survey.Tools{"useradd": "/usr/sbin/useradd", "usermod": "/usr/sbin/usermod", "systemd-run": "/usr/bin/systemd-run", "setfacl": "/usr/bin/setfacl"}),
		Maps:  read([]survey.LiveMap(nil)),
		Storage: read(survey.Storage{
			DataRoot: "/var/lib/docker", Current: "/var/lib/docker",
			Path:  survey.Path{Parents: dirs("/", 0o755, "/var", 0o755, "/var/lib", 0o755), Stat: host.Stat{Mode: fs.ModeDir | 0o710}},
			Space: host.Space{Type: "ext4", Bytes: 100e9, Free: 40e9, Inodes: 6e6, FreeInodes: 5e6},
		}),
		Paths:      read(map[string]survey.Path{}),
		Pending:    read((*survey.Pending)(nil)),
		MountTable: read([]survey.MountPoint{{Device: "8:1", Root: "/", Point: "/", Type: "ext4"}}),
	}
}

// remapped is the same host with remap on.
func remapped() survey.Facts {
	f := sound()
	f.Engine.Value.SecurityOptions = append(f.Engine.Value.SecurityOptions, "name=userns")
	f.Engine.Value.DataRoot = "/var/lib/docker/165536.165536"
	f.Config.Value.Data = []byte(`{"userns-remap": "dockremap"}`)
	withAccount(&f, "dockremap:165536:65536\n")
	f.Storage.Value.Trees = []survey.Tree{{Name: "165536.165536", UID: 165536, GID: 165536, Images: 3, InUse: true}}
	return f
}

func withAccount(f *survey.Facts, line string) {
	a := &f.Accounts.Value
	a.Users = append(a.Users, survey.Entry{Name: "dockremap", ID: 999, GID: 998})
	a.Groups = append(a.Groups, survey.Entry{Name: "dockremap", ID: 998})
	f.SubUID.Value.Data = append(f.SubUID.Value.Data, line...)
	f.SubGID.Value.Data = append(f.SubGID.Value.Data, line...)
}

func dirs(pathsAndModes ...any) []survey.Parent {
	var out []survey.Parent
	for i := 0; i < len(pathsAndModes); i += 2 {
		mode := fs.FileMode(pathsAndModes[i+1].(int))
		out = append(out, survey.Parent{Path: pathsAndModes[i].(string), Stat: host.Stat{Mode: fs.ModeDir | mode}})
	}
	return out
}

func audits() []audit.Report {
	return []audit.Report{{ID: "sha256:1", Image: "app:1", Verdict: audit.Mappable, Startable: true}}
}

// blind is a survey that learnt nothing.
func blind(kind string) survey.Facts {
	return survey.Facts{
		Endpoint: "tcp://db1:2376", HostKind: kind, Root: host.ErrNone, Where: survey.Where{Place: survey.PlaceRemote},
		Engine: fails[survey.Engine](), Containers: fails[[]survey.Container](), Images: fails[[]survey.Image](), Volumes: fails[[]survey.Volume](),
		Networks: fails[[]survey.Network](), Plugins: fails[[]survey.Plugin](), Swarm: fails[[]survey.SwarmService](),
		Daemon: fails[survey.Daemon](), Unit: fails[survey.Unit](), Start: fails[survey.Start](), Config: fails[survey.ConfigFile](),
		SubUID: fails[survey.TextFile](), SubGID: fails[survey.TextFile](), Accounts: fails[survey.Accounts](),
		Kernel: fails[survey.Kernel](), Tools: fails[survey.Tools](), Maps: fails[[]survey.LiveMap](), Storage: fails[survey.Storage](),
		Paths: fails[map[string]survey.Path](), Pending: fails[*survey.Pending](), Left: fails[[]survey.Left](),
	}
}

func fails[T any]() survey.Read[T] { return survey.Read[T]{Err: host.ErrNone} }
