package check

import (
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
	{"service-state", "to be reloaded", unit(func(u *survey.Unit) { u.NeedReload = true }), Warning, "changed"},
	{"service-state", "another process", unit(func(u *survey.Unit) { u.MainPID = 4 }), Warning, "process 4"},
	{"service-state", "no systemd", manager(survey.OpenRC), Skipped, ""},
	{"service-state", "unread", noUnit, Unknown, ""},
	{"service-config", "default", asFound, OK, "/etc/docker/daemon.json"},
	{"service-config", "elsewhere", func(f *survey.Facts, _ *Options) {
		f.Daemon.Value.Config, f.Daemon.Value.ConfigGiven, f.Config.Value.Path = "/srv/d.json", true, "/srv/d.json"
	}, OK, "/srv/d.json"},
	{"service-config", "down, elsewhere by an environment file", func(f *survey.Facts, o *Options) {
		noDaemon(f, o)
		f.Unit.Value.Files = []survey.TextFile{text("/etc/default/docker", "# DOCKER_OPTS=\"--config-file=/a\"\nDOCKER_OPTS=\"--debug --config-file=/srv/d.json\"\n")}
	}, OK, "/srv/d.json"},
	{"service-config", "another mount namespace", func(f *survey.Facts, _ *Options) { f.Daemon.Value.HostMounts = false }, Error, "mount namespace"},
	{"service-config", "unread", func(f *survey.Facts, o *Options) { noDaemon(f, o); noUnit(f, o) }, Unknown, ""},
	{"single-daemon", "one", asFound, OK, "812"},
	{"single-daemon", "two", func(f *survey.Facts, _ *Options) {
		f.Daemon.Value.Others = []survey.Other{{PID: 99, Sockets: []string{"unix:///b.sock"}, DataRoot: "/b"}}
	}, Error, "1 further dockerd process"},
	{"single-daemon", "too many", func(f *survey.Facts, _ *Options) { f.Daemon.Value.Unread = 7 }, Unknown, "7 processes"},
	{"daemon-process", "root's", asFound, OK, "/usr/sbin/dockerd"},
	{"daemon-process", "not believed", func(f *survey.Facts, _ *Options) { f.Daemon.Value.Doubt = "it runs as UID 1000" }, Error, "UID 1000"},
	{"daemon-process", "not as root", func(f *survey.Facts, _ *Options) { f.Root = errTest }, Unknown, "without root"},
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
