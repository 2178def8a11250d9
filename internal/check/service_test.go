package check

import (
	"fmt"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

func unit(change func(*survey.Unit)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { change(&f.Unit.Value) }
}

func manager(m survey.Manager) func(*survey.Facts, *Options) {
	return unit(func(u *survey.Unit) { u.Manager = m })
}

func noUnit(f *survey.Facts, _ *Options) { f.Unit = survey.Read[survey.Unit]{Err: errTest} }

func noDaemon(f *survey.Facts, _ *Options) { f.Daemon = survey.Read[survey.Daemon]{Err: errTest} }

func noStart(f *survey.Facts, _ *Options) { f.Start = survey.Read[survey.Start]{Err: errTest} }

func next(change func(*survey.Start)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { change(&f.Start.Value) }
}

var serviceCases = []testCase{
	{"service-manager", "systemd", asFound, OK, "docker.service"},
	{"service-manager", "OpenRC", manager(survey.OpenRC), Warning, "OpenRC"},
	{"service-manager", "SysV", manager(survey.SysV), Warning, "init script"},
	{"service-manager", "snap", manager(survey.SnapD), Warning, "snapd"},
	{"service-manager", "by hand", manager(survey.NoUnit), Warning, "by hand"},
	{"service-manager", "nothing found", manager(""), Unknown, ""},
	{"service-manager", "unread", noUnit, Unknown, "it went wrong"},
	{"service-state", "active", asFound, OK, "process 812"},
	{"service-state", "restarted", unit(func(u *survey.Unit) { u.NRestarts = 2 }), OK, "restarted by systemd 2 times"},
	{"service-state", "masked", unit(func(u *survey.Unit) { u.LoadState = "masked" }), Error, "masked"},
	{"service-state", "start limit", unit(func(u *survey.Unit) { u.Active, u.Result = "failed", "start-limit-hit" }), Error, "too often"},
	{"service-state", "failed", unit(func(u *survey.Unit) { u.Active, u.Result = "failed", "exit-code" }), Error, "failed (exit-code)"},
	{"service-state", "another process", unit(func(u *survey.Unit) { u.MainPID = 4 }), Warning, "process 4"},
	{"service-state", "no systemd", manager(survey.OpenRC), Skipped, ""},
	{"service-state", "unread", noUnit, Unknown, ""},
	{"service-config", "default", asFound, OK, "/etc/docker/daemon.json"},
	{"service-config", "elsewhere", func(f *survey.Facts, _ *Options) {
		f.Start.Value.Config, f.Start.Value.ConfigGiven, f.Config.Value.Path = "/srv/d.json", true, "/srv/d.json"
	}, OK, "/srv/d.json, given by --config-file"},
	{"service-config", "rootless", next(func(s *survey.Start) { s.Config = "" }), Unknown, ""},
	{"service-config", "another mount namespace", func(f *survey.Facts, _ *Options) { f.Daemon.Value.HostMounts = false }, Error, "mount namespace"},
	{"service-config", "unread", noStart, Unknown, ""},
	{"service-next", "as it runs", asFound, OK, "the same flags"},
	{"service-next", "down", noDaemon, OK, "-H fd://"},
	{"service-next", "unread", noStart, Unknown, ""},
	{"service-next", "no environment file", func(f *survey.Facts, _ *Options) { f.Start.Err = fmt.Errorf("%w: x", survey.ErrStartFails) }, Error, "does not start any more: x"},
	{"service-next", "to be reloaded", unit(func(u *survey.Unit) { u.NeedReload = true }), Error, "changed since"},
	{"service-next", "another flag", next(func(s *survey.Start) { s.Args = append(slices.Clone(s.Args), "-D") }), Warning, "other flags"},
	{"service-next", "the same, spelled otherwise", next(func(s *survey.Start) {
		s.Args = []string{"--host=fd://", "--containerd", "/run/containerd/containerd.sock"}
	}), OK, ""},
	{"service-next", "a flag less", next(func(s *survey.Start) { s.Args = s.Args[:2] }), Warning, "other flags"},
	{"service-next", "another daemon.json", next(func(s *survey.Start) { s.Config = "/srv/d.json" }), Error, "/srv/d.json"},
	{"service-next", "another data root", next(func(s *survey.Start) { s.DataRoot = "/data" }), Error, "/data"},
	{"service-next", "a data root that was not followed", next(func(s *survey.Start) { s.DataRoot = "" }), OK, ""},
	{"service-next", "another storage driver", alsoFlag(`{}`, "-s", "overlayfs"), Error, "the flag -s sets overlayfs"},
	{"service-next", "another storage driver in daemon.json", config("28.5.2", `{"storage-driver": "vfs"}`), Error, "/etc/docker/daemon.json sets vfs"},
	{"service-next", "the storage driver of now", config("28.5.2", `{"storage-driver": "overlay2"}`), OK, ""},
	{"service-next", "by a script", next(func(s *survey.Start) { s.FromUnit = false }), Unknown, "which starts dockerd"},
	{"service-next", "OpenRC", func(f *survey.Facts, o *Options) {
		manager(survey.OpenRC)(f, o)
		f.Start.Value.FromUnit = false
	}, Skipped, ""},
	{"single-daemon", "one", asFound, OK, "812"},
	{"single-daemon", "two", func(f *survey.Facts, _ *Options) {
		f.Daemon.Value.Others = []survey.Other{{PID: 99, Sockets: []string{"unix:///b.sock"}, DataRoot: "/b"}}
	}, Error, "1 other dockerd runs"},
	{"single-daemon", "three", func(f *survey.Facts, _ *Options) { f.Daemon.Value.Others = []survey.Other{{PID: 99}, {PID: 100}} }, Error, "2 other dockerds run"},
	{"single-daemon", "too many", func(f *survey.Facts, _ *Options) { f.Daemon.Value.Unread = 7 }, Unknown, "7 processes"},
	{"daemon-process", "root's", asFound, OK, "/usr/sbin/dockerd"},
	{"daemon-process", "not believed", func(f *survey.Facts, _ *Options) { f.Daemon.Value.Doubt = "it runs as UID 1000" }, Error, "UID 1000"},
	{"daemon-process", "not as root", func(f *survey.Facts, _ *Options) { f.Root = errTest }, Unknown, "without root"},
	{"daemon-process", "the next one is not root's", next(func(s *survey.Start) { s.Doubt = `"/opt" belongs to UID 1000` }), Error, `"/opt" belongs to UID 1000`},
	{"daemon-process", "none", func(f *survey.Facts, _ *Options) { f.Daemon.Err = survey.ErrNoProcess }, Skipped, "no dockerd runs"},
	{"daemon-process", "unread", noDaemon, Unknown, ""},
	{"single-daemon", "unread", noDaemon, Unknown, ""},
}

func TestStartFiles(t *testing.T) {
	r := one(t, "service-manager", unit(func(u *survey.Unit) {
		u.File, u.DropIns = "/lib/systemd/system/docker.service", []string{"/etc/systemd/system/docker.service.d/x.conf"}
		u.EnvironmentFiles = []survey.EnvironmentFile{{Path: "/etc/default/docker", Optional: true}}
	}))
	assert.DeepEqual(t, r.Details, []Detail{
		{Name: "/lib/systemd/system/docker.service", Note: "/usr/sbin/dockerd -H fd:// $DOCKER_OPTS"},
		{Name: "/etc/systemd/system/docker.service.d/x.conf", Note: "drop-in"},
		{Name: "/etc/default/docker", Note: "environment"},
	})
}
