package verify

import (
	"errors"
	"io/fs"
	"time"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const subids = "dockremap:100000:65536\n"

// sound is a host that is remapped as it should be, with one container whose
// user is 1000:1000.
func sound() Seen {
	var s Seen
	s.HostKind = host.KindLocal
	s.Engine.Value = survey.Engine{Version: "28.5.2", SecurityOptions: []string{"name=userns"}, DataRoot: "/var/lib/docker/100000.100000"}
	owner := host.Stat{Mode: fs.ModeDir | 0o710, GID: 100000}
	s.Storage.Value = survey.Storage{DataRoot: "/var/lib/docker", Path: survey.Path{Stat: owner}, Trees: []survey.Tree{{Name: "100000.100000", Stat: owner, InUse: true}}}
	s.Daemon.Value = survey.Daemon{PID: 5, Args: []string{"dockerd"}}
	s.Config.Value.Data = []byte(`{"userns-remap": "dockremap"}`)
	s.SubUID.Value.Data, s.SubGID.Value.Data = []byte(subids), []byte(subids)
	s.Accounts.Value.Users = []survey.Entry{{Name: "dockremap", ID: 999, GID: 999}}
	s.Accounts.Value.Groups = []survey.Entry{{Name: "dockremap", ID: 999}}
	web := survey.Container{ID: "web-id", Name: "web", State: "running", PID: 10}
	web.Identity.Value = survey.Account{UID: 1000, GID: 1000}
	s.Containers.Value = []survey.Container{web}
	s.Chosen = s.Containers.Value
	s.Paths.Value = map[string]survey.Path{}
	s.Volumes.Value = []survey.Volume{{Name: "data"}}
	s.Networks.Value = []survey.Network{{Name: "front"}}
	s.Images.Value = []survey.Image{{ID: "sha256:2", Tags: []string{"app:1", "app:latest"}}}
	s.Before.Value = &survey.Record{Change: "20261122T210203Z", DataRoot: "/var/lib/docker/100000.100000", Objects: []survey.RecordedObject{
		{Kind: survey.KindContainer, Name: "web", Ran: true},
		{Kind: survey.KindVolume, Name: "data", UsedBy: []string{"web"}}, {Kind: survey.KindNetwork, Name: "front"}, {Kind: survey.KindImage, Name: "app:1"},
	}}
	s.Tools.Value = survey.Tools{"setfacl": "/usr/bin/setfacl"}
	s.MountTable.Value = []survey.MountPoint{{Device: "8:1", Root: "/", Point: "/", Type: "ext4"}}
	s.Processes.Value = []Process{process(10, 101000)}
	return s
}

// process is one of web's.
func process(pid int, id int64) Process {
	ids := IDs{TID: pid, UID: [4]int64{id, id, id, id}, GID: [4]int64{id, id, id, id}}
	return Process{PID: pid, Name: "app", Container: "web-id", Threads: []IDs{ids}, Count: 1, Map: idmap.Single(100000, 65536)}
}

// inNamespace adds a process of the container in a user namespace with another map.
func inNamespace(id int64, m idmap.Map) func(*Seen) {
	return func(s *Seen) {
		p := process(11, id)
		p.Map = m
		s.Processes.Value = append(s.Processes.Value, p)
	}
}

// changed is a process with other credentials.
func changed(p Process, change func(*IDs)) Process {
	for i := range p.Threads {
		change(&p.Threads[i])
	}
	return p
}

// mounting has the container mount a path of the host.
func mounting(stat host.Stat, writable bool) func(*Seen) {
	return func(s *Seen) {
		s.Chosen[0].Mounts = []survey.Mount{{Type: "bind", Source: "/srv/x", Destination: "/x", Writable: writable}}
		s.Paths.Value["/srv/x"] = survey.Path{Real: "/srv/x", Stat: stat, Parents: parents("/", "/srv")}
	}
}

// withMountedFile has the container mount a folder for all, with a file in it.
func withMountedFile(mode fs.FileMode, uid int64) func(*Seen) {
	return func(s *Seen) {
		mounting(host.Stat{Mode: fs.ModeDir | 0o777}, true)(s)
		p := s.Paths.Value["/srv/x"]
		p.Inside = &survey.Inside{Kinds: []grant.Kind{{Mode: mode, UID: uid}}}
		s.Paths.Value["/srv/x"] = p
	}
}

func parents(dirs ...string) (all []survey.Parent) {
	for _, dir := range dirs {
		all = append(all, survey.Parent{Path: dir, Stat: host.Stat{Mode: fs.ModeDir | 0o755}})
	}
	return all
}

func weak(s *Seen) {
	s.Weak, s.Kernel.Err = true, host.ErrNone
	for i := range s.Processes.Value {
		s.Processes.Value[i].Map = idmap.Map{}
	}
	for _, err := range []*error{&s.Before.Err, &s.Storage.Err, &s.Daemon.Err, &s.Start.Err, &s.Config.Err, &s.SubUID.Err, &s.SubGID.Err, &s.Accounts.Err, &s.Paths.Err} {
		*err = host.ErrNone
	}
}

var errTest = errors.New("no luck")

// clock is the engine's time.
var clock = time.Date(2026, 11, 22, 21, 2, 3, 0, time.UTC)

// up has the container be another one, by its state.
func up(c survey.Container) func(*Seen) {
	return func(s *Seen) {
		c.ID, c.Name = "web-id", "web"
		s.Engine.Value.Time, s.Containers.Value = clock, []survey.Container{c}
	}
}

// had adds a thing to those of before.
func had(t survey.RecordedObject) func(*Seen) {
	return func(s *Seen) { s.Before.Value.Objects = append(s.Before.Value.Objects, t) }
}
