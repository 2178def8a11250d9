// Package surveytest has surveys of hosts, for tests of what is concluded from them.
package surveytest

import (
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func read[T any](v T) survey.Read[T] { return survey.Read[T]{Value: v} }

func text(path, data string) survey.TextFile {
	return survey.TextFile{Path: path, Data: []byte(data), Stat: host.Stat{Mode: 0o644, Size: int64(len(data))}}
}

// Sound is a Debian host with Docker 28.5.2, one container and nothing wrong;
// remap is off, and the account does not exist yet.
func Sound() survey.Facts {
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
			Map: idmap.Single(0, 1<<32-1),
		}),
		Tools: read(survey.Tools{"useradd": "/usr/sbin/useradd", "usermod": "/usr/sbin/usermod", "systemd-run": "/usr/bin/systemd-run", "setfacl": "/usr/bin/setfacl"}),
		Maps:  read([]survey.LiveMap(nil)),
		Storage: read(survey.Storage{
			DataRoot: "/var/lib/docker", Current: "/var/lib/docker",
			Path:  survey.Path{Parents: Dirs("/", 0o755, "/var", 0o755, "/var/lib", 0o755), Stat: host.Stat{Mode: fs.ModeDir | 0o710}},
			Space: host.Space{Type: "ext4", Bytes: 100e9, Free: 40e9, Inodes: 6e6, FreeInodes: 5e6},
		}),
		Paths:      read(map[string]survey.Path{}),
		Pending:    read((*survey.Pending)(nil)),
		MountTable: read([]survey.MountPoint{{Device: "8:1", Root: "/", Point: "/", Type: "ext4"}}),
	}
}

// Remapped is the same host with remap on.
func Remapped() survey.Facts {
	f := Sound()
	f.Engine.Value.SecurityOptions = append(f.Engine.Value.SecurityOptions, "name=userns")
	f.Engine.Value.DataRoot = "/var/lib/docker/165536.165536"
	f.Config.Value.Data = []byte(`{"userns-remap": "dockremap"}`)
	WithAccount(&f, "dockremap:165536:65536\n")
	f.Storage.Value.Trees = []survey.Tree{{Name: "165536.165536", UID: 165536, GID: 165536, Images: 3, InUse: true}}
	return f
}

// WithAccount gives a host the account dockremap, with a line in both files of
// subordinate IDs.
func WithAccount(f *survey.Facts, line string) {
	a := &f.Accounts.Value
	a.Users = append(a.Users, survey.Entry{Name: "dockremap", ID: 999, GID: 998})
	a.Groups = append(a.Groups, survey.Entry{Name: "dockremap", ID: 998})
	f.SubUID.Value.Data = append(f.SubUID.Value.Data, line...)
	f.SubGID.Value.Data = append(f.SubGID.Value.Data, line...)
}

// Dirs are directories that belong to root: a path and its mode, and so on.
func Dirs(pathsAndModes ...any) []survey.Parent {
	var out []survey.Parent
	for i := 0; i < len(pathsAndModes); i += 2 {
		mode := fs.FileMode(pathsAndModes[i+1].(int))
		out = append(out, survey.Parent{Path: pathsAndModes[i].(string), Stat: host.Stat{Mode: fs.ModeDir | mode}})
	}
	return out
}
