package remap

import (
	"io/fs"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var now = time.Date(2026, 11, 22, 21, 2, 3, 0, time.UTC)

func read[T any](v T) survey.Read[T] { return survey.Read[T]{Value: v} }

func text(path, data string) survey.TextFile {
	return survey.TextFile{Path: path, Data: []byte(data), Stat: host.Stat{Mode: 0o644}}
}

// unnamed is a volume that goes with its container of --rm.
var unnamed = strings.Repeat("0a", 32)

// plain is a Debian host with Docker 28.5.2 and one container; remap is off, the
// account does not exist yet, and alice has the first range.
func plain() survey.Facts {
	return survey.Facts{
		Engine: read(survey.Engine{Version: "28.5.2", Driver: "overlay2", DataRoot: "/var/lib/docker"}),
		Containers: read([]survey.Container{
			{ID: "c1", Name: "web", State: "running", PID: 4711, Mounts: []survey.Mount{{Type: "volume", Name: "data"}}},
			{ID: "c2", Name: "job", State: "exited"},
			{ID: "c3", Name: "once", State: "running", PID: 4712, AutoRemove: true, Mounts: []survey.Mount{{Type: "volume", Name: unnamed}}},
		}),
		Volumes:  read([]survey.Volume{{Name: unnamed, Driver: "local"}, {Name: "data", Driver: "local"}}),
		Networks: read([]survey.Network{{ID: "n1", Name: "front"}}),
		Images:   read([]survey.Image{{ID: "sha256:1", Tags: []string{"app:1"}}}),
		Daemon: read(survey.Daemon{
			PID: 812, Exe: "/usr/sbin/dockerd", Args: []string{"/usr/sbin/dockerd", "-H", "fd://", "--config-file", "/etc/docker/daemon.json"}, Config: "/etc/docker/daemon.json",
		}),
		Start: read(survey.Start{
			Program: "/usr/sbin/dockerd", Args: []string{"-H", "fd://", "--config-file", "/etc/docker/daemon.json"}, Config: "/etc/docker/daemon.json", FromUnit: true,
		}),
		Unit: read(survey.Unit{Manager: survey.Systemd, Name: "docker.service", Active: "active", MainPID: 812, Socket: "active"}),
		Config: read(survey.ConfigFile{
			TextFile: text("/etc/docker/daemon.json", "{\n  \"log-driver\": \"local\"\n}\n"), Parent: host.Stat{Mode: fs.ModeDir | 0o755},
		}),
		SubUID: read(text(subuidPath, "alice:100000:65536\n")),
		SubGID: read(text(subgidPath, "alice:100000:65536\n")),
		Accounts: read(survey.Accounts{
			Users:  []survey.Entry{{Name: "root"}, {Name: "alice", ID: 1000, GID: 1000}},
			Groups: []survey.Entry{{Name: "root"}, {Name: "alice", ID: 1000}},
		}),
		Tools:   read(survey.Tools{"useradd": "/usr/sbin/useradd", "usermod": "/usr/sbin/usermod", "userdel": "/usr/sbin/userdel"}),
		Storage: read(survey.Storage{DataRoot: "/var/lib/docker", Current: "/var/lib/docker"}),
	}
}

// missingConfig takes daemon.json away.
func missingConfig(f survey.Facts) survey.Facts {
	f.Config = survey.Read[survey.ConfigFile]{Err: fs.ErrNotExist, Value: survey.ConfigFile{TextFile: survey.TextFile{Path: "/etc/docker/daemon.json"}}}
	return f
}

// carriedOut are the facts after a plan was carried out, and what the host keeps
// of it.
func carriedOut(f survey.Facts, p Plan) (survey.Facts, Past) {
	for _, s := range p.Steps {
		for _, a := range s.Acts {
			if w, ok := a.(write); ok && s.Name == "config" {
				f.Config = read(survey.ConfigFile{TextFile: text(w.file.Path, string(w.file.Data)), Parent: host.Stat{Mode: fs.ModeDir | 0o755}})
			}
		}
	}
	past := Past{Verdict: Kept, Manifest: Manifest{ID: p.ID, Verb: p.Verb, Before: p.Before, After: p.After, Files: p.Files(), Account: p.Account, Driver: p.Driver, Restarts: p.Restarts}}
	f.Engine.Value.DataRoot = p.After.DataRoot
	f.Engine.Value.SecurityOptions = []string{"name=userns"}
	f.Containers.Value, f.Images.Value, f.Volumes.Value, f.Networks.Value = nil, nil, nil, nil
	line := p.Tables[0].Added
	f.SubUID.Value.Data = append(f.SubUID.Value.Data, line...)
	f.SubGID.Value.Data = append(f.SubGID.Value.Data, line...)
	past.Made = Created{
		Passwd: "dockremap:x:999:998:" + p.Comment() + ":/nonexistent:/usr/sbin/nologin", Group: "dockremap:x:998:",
		Tree: p.Tree, Born: "1795646126",
	}
	f.Accounts.Value.Users = append(f.Accounts.Value.Users, survey.Entry{Name: "dockremap", ID: 999, GID: 998, Comment: p.Comment(), Home: "/nonexistent", Shell: "/usr/sbin/nologin"})
	f.Accounts.Value.Groups = append(f.Accounts.Value.Groups, survey.Entry{Name: "dockremap", ID: 998})
	return f, past
}
