package verify

import (
	"io/fs"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var cases = []struct {
	id, name string
	change   func(*Seen)
	want     report.Status
	message  string // part of the message or of a detail
}{
	{"daemon-answers", "up", func(*Seen) {}, report.OK, "Docker 28.5.2"},
	{"daemon-answers", "down", func(s *Seen) { s.Engine.Err = survey.ErrDaemonDown }, report.Error, "does not answer"},
	{"daemon-remapped", "on", func(*Seen) {}, report.OK, ""},
	{"daemon-remapped", "off", func(s *Seen) { s.Engine.Value.SecurityOptions = nil }, report.Error, "userns-remap is off"},
	{"daemon-remapped", "switched back to containerd's store", func(s *Seen) {
		s.Engine.Value.Version = "29.8.0"
		s.Engine.Value.DriverStatus = [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}
	}, report.Error, "containerd-migration"},
	{"daemon-remapped", "rootless", func(s *Seen) { s.Engine.Value.SecurityOptions = []string{"name=rootless", "name=userns"} }, report.Error, "rootless"},
	{"data-root", "remapped", func(*Seen) {}, report.OK, "100000.100000"},
	{"data-root", "plain", func(s *Seen) { s.Engine.Value.DataRoot = "/var/lib/docker" }, report.Error, "does not end"},
	{"data-root", "root's", func(s *Seen) { s.Engine.Value.DataRoot = "/var/lib/docker/0.100000" }, report.Error, "root in a container is root on the host"},
	{"data-root", "of a map without root", func(s *Seen) { s.Engine.Value.DataRoot = "/var/lib/docker/-1.-1" }, report.Error, "does not end"},
	{"data-root-owner", "as set", func(*Seen) {}, report.OK, "0710 0:100000"},
	{"data-root-owner", "opened", func(s *Seen) { s.Storage.Value.Path.Stat.Mode = fs.ModeDir | 0o755 }, report.Warning, "/var/lib/docker is 0755 0:100000"},
	{"data-root-owner", "shut", func(s *Seen) { s.Storage.Value.Trees[0].Stat.Mode = fs.ModeDir | 0o700 }, report.Error, "the mapped root (UID 100000) cannot pass through it"},
	{"data-root-owner", "gone", func(s *Seen) { s.Storage.Value.Trees = nil }, report.Unknown, "file does not exist"},
	{"data-root-owner", "unread", weak, report.Unknown, "could not determine the owner of the data root"},
	{"data-root-owner", "20.10.5", func(s *Seen) { s.Engine.Value.Version = "20.10.5+dfsg1" }, report.Warning, "0701 0:0"},
	{"data-root-owner", "no version", func(s *Seen) { s.Engine.Value.Version = "dev" }, report.Unknown, `"dev"`},
	{"map-in-force", "as in the files", func(*Seen) {}, report.OK, "0:100000:65536, in the kernel for 1 container"},
	{"map-in-force", "edited to another size", func(s *Seen) { s.SubGID.Value.Data = []byte("dockremap:100000:5\n") }, report.Error, "edited since the daemon started: after a restart the map would be uid=0:100000:65536,gid=0:100000:5"},
	{"map-in-force", "edited to another root", func(s *Seen) { s.SubUID.Value.Data = []byte("dockremap:300000:65536\n") }, report.Error, "with another data root"},
	{"map-in-force", "the user is gone", func(s *Seen) { s.Accounts.Value.Users = nil }, report.Error, "would not start"},
	{"map-in-force", "the range is gone", func(s *Seen) { s.SubUID.Value.Data = nil }, report.Error, "no subuid ranges"},
	{"map-in-force", "not set any more", func(s *Seen) { s.Config.Value.Data = []byte("{}") }, report.Error, "remap would be off"},
	{"map-in-force", "the file is gone", func(s *Seen) { s.Config.Err = fs.ErrNotExist }, report.Error, "remap would be off"},
	{"map-in-force", "the file is broken", func(s *Seen) { s.Config.Value.Data = []byte("{") }, report.Error, "would not start"},
	{"map-in-force", "set by a flag", func(s *Seen) {
		s.Config.Err = fs.ErrNotExist
		s.Start.Value.Args = []string{"--userns-remap=default"}
	}, report.OK, ""},
	{"map-in-force", "a flag that was taken out since", func(s *Seen) {
		s.Config.Err = fs.ErrNotExist
		s.Daemon.Value.Args = []string{"dockerd", "--userns-remap=default"}
	}, report.Error, "remap would be off"},
	{"map-in-force", "a flag, the start unread", func(s *Seen) {
		s.Config.Err, s.Start.Err = fs.ErrNotExist, errTest
		s.Daemon.Value.Args = []string{"dockerd", "--userns-remap=default"}
	}, report.OK, ""},
	{"map-in-force", "files unread", func(s *Seen) { s.SubUID.Err = fs.ErrPermission }, report.Unknown, "whether the files still give the map 0:100000:65536"},
	{"map-in-force", "of another data root", func(s *Seen) { s.Engine.Value.DataRoot = "/x/200000.200000" }, report.Error, "the data root is the one of 200000.200000"},
	{"map-in-force", "two of them", func(s *Seen) {
		other := process(11, 300000)
		other.Container, other.Map = "b", idmap.Single(300000, 65536)
		s.Chosen = append(s.Chosen, survey.Container{ID: "b", Name: "b", PID: 11})
		s.Processes.Value = append(s.Processes.Value, other)
	}, report.Error, "different maps"},
	{"map-in-force", "no container", func(s *Seen) { s.Chosen, s.Processes.Value = nil, nil }, report.Unknown, "no container is running that would show"},
	{"map-in-force", "no container, edited", func(s *Seen) {
		s.Chosen, s.Processes.Value = nil, nil
		s.SubUID.Value.Data = []byte("dockremap:300000:65536\n")
	}, report.Error, "edited since"},
	{"map-in-force", "no container, a probe", func(s *Seen) { s.Chosen, s.Probed = nil, idmap.Single(100000, 65536) }, report.OK, ""},
	{"map-in-force", "no host", weak, report.Unknown, "ssh://"},
	{"map-in-force", "processes unread", func(s *Seen) { s.Processes.Err, s.Processes.Value = errTest, nil }, report.Unknown, "no luck"},
	{"left-processes", "none", func(*Seen) {}, report.OK, ""},
	{"left-processes", "one", func(s *Seen) {
		s.Left.Value = []survey.Left{{ID: "0123456789abcdef", Namespace: "moby", Shim: 7, PIDs: []int{8, 9}, Root: true}}
	}, report.Error, "process 8 and 1 more, root on the host"},
	{"left-processes", "next to another engine", func(s *Seen) {
		s.Left.Value = []survey.Left{{ID: "0123456789abcdef", Namespace: "moby", Shim: 7, PIDs: []int{8}}}
		s.Daemon.Value.Others = []survey.Other{{PID: 77}}
	}, report.Unknown, "process 77"},
	{"left-processes", "unread", func(s *Seen) { s.Left.Err = errTest }, report.Unknown, "no luck"},
	{"userns-host", "none", func(*Seen) {}, report.OK, "none of 1 container"},
	{"userns-host", "one", func(s *Seen) {
		s.Chosen[0].UsernsMode, s.Processes.Value[0].HostUserns = "host", true
	}, report.Warning, "with 1 process"},
	{"userns-host", "unread", func(s *Seen) { s.Containers.Err = errTest }, report.Unknown, "no luck"},
	{"host-root", "none", func(*Seen) {}, report.OK, "none of 1 process of 1 container"},
	{"host-root", "saved UID", func(s *Seen) { changed(s.Processes.Value[0], func(t *IDs) { t.UID[2] = 0 }) }, report.Error, "web: process 10 (app): saved UID 0"},
	{"host-root", "file system GID", func(s *Seen) { changed(s.Processes.Value[0], func(t *IDs) { t.GID[3] = 0 }) }, report.Error, "file system GID 0"},
	{"host-root", "a group", func(s *Seen) { changed(s.Processes.Value[0], func(t *IDs) { t.Groups = []int64{100005, 0} }) }, report.Error, "group 0"},
	{"host-root", "a thread", func(s *Seen) {
		s.Processes.Value[0].Threads = append(s.Processes.Value[0].Threads, IDs{TID: 12, UID: [4]int64{0, 0, 0, 0}, GID: [4]int64{100000, 100000, 100000, 100000}})
	}, report.Error, "thread 12: UID 0"},
	{"host-root", "in the host's user namespace", func(s *Seen) {
		p := process(11, 0)
		p.Map = idmap.Map{}
		s.Processes.Value = append(s.Processes.Value, p)
	}, report.Error, "1 process is root on the host"},
	{"host-root", "told to stay", func(s *Seen) {
		p := process(11, 0)
		p.Map, p.HostUserns = idmap.Map{}, true
		s.Processes.Value = append(s.Processes.Value, p)
	}, report.OK, ""},
	{"host-root", "out of sight", func(s *Seen) { s.Processes.Value, s.Unseen = nil, []string{"web"} }, report.Unknown, "could not find any process of 1 running container"},
	{"processes", "out of sight", func(s *Seen) { s.Processes.Value, s.Unseen = nil, []string{"web"} }, report.Unknown, "web"},
	{"host-root", "by ps", weak, report.OK, ""},
	{"host-root", "by ps, root", func(s *Seen) { weak(s); s.Processes.Value[0].Threads[0].UID[1] = 0 }, report.Error, "effective UID 0"},
	{"host-root", "no container", func(s *Seen) { s.Chosen = nil }, report.Skipped, ""},
	{"host-root", "unread", func(s *Seen) { s.Processes.Err = errTest }, report.Unknown, "no luck"},
	{"processes", "all in", func(*Seen) {}, report.OK, "1 process of 1 container"},
	{"processes", "the first and the last", func(s *Seen) {
		s.Processes.Value = append(s.Processes.Value, process(11, 100000), process(12, 165535))
	}, report.OK, "3 processes"},
	{"processes", "one beyond", func(s *Seen) { s.Processes.Value = append(s.Processes.Value, process(11, 165536)) }, report.Error, "UID 165536, GID 165536 not in the map"},
	{"processes", "a group beyond", func(s *Seen) { changed(s.Processes.Value[0], func(t *IDs) { t.Groups = []int64{99999} }) }, report.Error, "group 99999"},
	{"processes", "outside of its own namespace's map", inNamespace(100500, idmap.Single(101000, 10)), report.Error, "UID 100500"},
	{"processes", "a namespace in the container", inNamespace(101005, idmap.Single(101000, 10)), report.OK, ""},
	{"processes", "a namespace out of the container", inNamespace(500000, idmap.Single(500000, 10)), report.Error, "UID 500000"},
	{"processes", "mapped, in the host's user namespace", inNamespace(101000, idmap.Map{}), report.Error, "in the host's user namespace"},
	{"processes", "by ps", weak, report.Unknown, "the host IDs of 1 process of 1 container begin at 100000"},
	{"processes", "by ps, with a probe", func(s *Seen) { weak(s); s.Probed = idmap.Single(100000, 65536) }, report.OK, "weaker proof"},
	{"processes", "by ps, below", func(s *Seen) { weak(s); s.Processes.Value[0].Threads[0].UID[1] = 1000 }, report.Error, "effective UID 1000"},
	{"mounts", "none", func(*Seen) {}, report.OK, "no container has a mounted path"},
	{"mounts", "for all", mounting(host.Stat{Mode: fs.ModeDir | 0o777}, true), report.OK, "all of 1 mount"},
	{"mounts", "of the mapped user", mounting(host.Stat{Mode: fs.ModeDir | 0o700, UID: 101000}, true), report.OK, ""},
	{"mounts", "of the number it has inside", mounting(host.Stat{Mode: fs.ModeDir | 0o700, UID: 1000}, false), report.Error, "user 101000 has --- and lacks r-x"},
	{"mounts", "no longer writable", mounting(host.Stat{Mode: fs.ModeDir | 0o755, UID: 1000}, true), report.Warning, "has r-x and lacks -w-"},
	{"mounts", "mounted read-only", mounting(host.Stat{Mode: fs.ModeDir | 0o755, UID: 1000}, false), report.OK, ""},
	{"mounts", "out of reach before, too", mounting(host.Stat{Mode: 0o600}, true), report.OK, ""},
	{"mounts", "a named user of its ACL", mounting(host.Stat{Mode: 0o670, UID: 1000, ACL: host.ACL{Entries: []host.ACLEntry{
		{Tag: host.ACLUserObj, ID: -1, Perm: 6}, {Tag: host.ACLUser, ID: 101000, Perm: 6}, {Tag: host.ACLGroupObj, ID: -1}, {Tag: host.ACLMask, ID: -1, Perm: 7}, {Tag: host.ACLOther, ID: -1},
	}}}, true), report.OK, ""},
	{"mounts", "a key in it", withMountedFile(0o600, 1000), report.Error, "cannot read files in it"},
	{"mounts", "a key of another in it", withMountedFile(0o600, 1001), report.OK, ""},
	{"mounts", "a key that root could read", func(s *Seen) { withMountedFile(0o600, 1000)(s); s.Chosen[0].Identity.Value = survey.Account{} }, report.Warning, "cannot read files in it"},
	{"mounts", "not looked at", func(s *Seen) { mounting(host.Stat{}, true)(s); clear(s.Paths.Value) }, report.Unknown, "it was not examined"},
	{"mounts", "ACL unread", mounting(host.Stat{ACL: host.ACL{Err: errTest}}, true), report.Unknown, "reading its ACL: no luck"},
	{"mounts", "user unread", func(s *Seen) { mounting(host.Stat{}, true)(s); s.Chosen[0].Identity.Err = errTest }, report.Unknown, "the container's user"},
	{"mounts", "told to stay", func(s *Seen) { mounting(host.Stat{UID: 1000, Mode: 0o700}, true)(s); s.Chosen[0].UsernsMode = "host" }, report.OK, ""},
	{"mounts", "unread", weak, report.Unknown, ""},
	{"mounts", "containers unread", func(s *Seen) { s.Containers.Err = errTest }, report.Unknown, ""},
	{"sockets", "none", mounting(host.Stat{Mode: 0o600}, true), report.OK, "no container has a mounted socket"},
	{"sockets", "for all", mounting(host.Stat{Mode: fs.ModeSocket | 0o666}, false), report.OK, "all of 1 mount"},
	{"sockets", "root's, user 1000", mounting(host.Stat{Mode: fs.ModeSocket | 0o660}, true), report.OK, ""},
	{"sockets", "root's", func(s *Seen) {
		mounting(host.Stat{Mode: fs.ModeSocket | 0o660}, true)(s)
		s.Chosen[0].Identity.Value = survey.Account{}
	}, report.Error, "user 100000 has --- and lacks -w-"},
	{"sockets", "the engine's", func(s *Seen) {
		s.Chosen[0].Identity.Value = survey.Account{}
		s.Chosen[0].Mounts = []survey.Mount{{Type: "bind", Source: "/run/docker.sock", Destination: "/d"}}
		s.Paths.Value["/run/docker.sock"] = survey.Path{Real: "/run/docker.sock", Stat: host.Stat{Mode: fs.ModeSocket | 0o660}}
	}, report.Error, "--userns=host"},
	{"sockets", "unread", weak, report.Unknown, ""},
	{"containers-up", "all", func(*Seen) {}, report.OK, "all of 1 container"},
	{"containers-up", "restarting", up(survey.Container{State: "restarting", Restarts: 7, ExitCode: 13}), report.Error, "1 container does not stay up or is unhealthy; see why with: docker logs CONTAINER\nweb: restarting, last exit code 13; restarted 7 times"},
	{"containers-up", "between two crashes", up(survey.Container{State: "running", Restarts: 3, Started: clock.Add(-2 * time.Second)}), report.Error, "restarted 3 times, the last time 2s ago"},
	{"containers-up", "restarted once", up(survey.Container{State: "running", Restarts: 1, Started: clock.Add(-time.Minute)}), report.Warning, "restarted 1 time, the last time 1m0s ago"},
	{"containers-up", "restarted long ago", up(survey.Container{State: "running", Restarts: 9, Started: clock.Add(-2 * time.Minute)}), report.OK, ""},
	{"containers-up", "a new one", up(survey.Container{State: "running", Started: clock}), report.OK, ""},
	{"containers-up", "gave up", up(survey.Container{State: "exited", Restarts: 5, MaxRetries: 5, ExitCode: 1}), report.Error, "gave up with exit code 1"},
	{"containers-up", "ended well", up(survey.Container{State: "exited", Restarts: 5, MaxRetries: 5}), report.OK, ""},
	{"containers-up", "stopped", up(survey.Container{State: "exited", Restarts: 5, ExitCode: 137}), report.OK, ""},
	{"containers-up", "unhealthy", up(survey.Container{State: "running", Health: "unhealthy"}), report.Error, "its health check fails"},
	{"containers-up", "still starting", up(survey.Container{State: "running", Health: "starting"}), report.OK, ""},
	{"containers-up", "unread", func(s *Seen) { s.Containers.Err = errTest }, report.Unknown, "no luck"},
	{"carried-containers", "all", func(*Seen) {}, report.OK, "all of 1 container"},
	{"carried-containers", "one is missing", had(survey.RecordedObject{Kind: survey.KindContainer, Name: "db", Ran: true}), report.Warning, "1 of 2 containers from before remap is missing or not running; recreate what you need, and accept the rest with: docker userns verify --accept-missing\ndb: it ran"},
	{"carried-containers", "it is accepted", had(survey.RecordedObject{Kind: survey.KindContainer, Name: "db", Accepted: true}), report.OK, "1 of 2 containers, the others accepted as missing"},
	{"carried-containers", "it does not run", func(s *Seen) { s.Containers.Value[0].State = "exited" }, report.Warning, "web: exists, but is not running as it was before"},
	{"carried-containers", "it did not run before", func(s *Seen) { s.Before.Value.Objects[0].Ran, s.Containers.Value[0].State = false, "exited" }, report.OK, ""},
	{"carried-containers", "nothing recorded", func(s *Seen) { s.Before.Value = nil }, report.Skipped, "no record"},
	{"carried-containers", "of another data root", func(s *Seen) { s.Before.Value.DataRoot = "/var/lib/docker/5.5" }, report.Skipped, "not in use"},
	{"carried-containers", "unread", func(s *Seen) { s.Before.Err = fs.ErrPermission }, report.Unknown, "as root"},
	{"carried-containers", "unlisted", func(s *Seen) { s.Containers.Err = errTest }, report.Unknown, "no luck"},
	{"carried-volumes", "all", func(*Seen) {}, report.OK, ""},
	{"carried-volumes", "missing", func(s *Seen) { s.Volumes.Value = nil }, report.Warning, "accept the rest with: docker userns verify --accept-missing\ndata: of web"},
	{"carried-volumes", "one without a name", had(survey.RecordedObject{Kind: survey.KindVolume, Name: strings.Repeat("ab", 32)}), report.Warning, "no name of its own"},
	{"carried-volumes", "unlisted", func(s *Seen) { s.Volumes.Err = errTest }, report.Unknown, "no luck"},
	{"carried-networks", "all", func(*Seen) {}, report.OK, ""},
	{"carried-networks", "missing", func(s *Seen) { s.Networks.Value[0].Name = "back" }, report.Warning, "front"},
	{"carried-networks", "unlisted", func(s *Seen) { s.Networks.Err = errTest }, report.Unknown, "no luck"},
	{"carried-images", "all, with another ID", func(*Seen) {}, report.OK, ""},
	{"carried-images", "missing", func(s *Seen) { s.Images.Value[0].Tags = nil }, report.Warning, "app:1"},
	{"carried-images", "unlisted", func(s *Seen) { s.Images.Err = errTest }, report.Unknown, "no luck"},
}
