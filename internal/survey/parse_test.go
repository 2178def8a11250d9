package survey

import (
	"errors"
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

func TestPasswd(t *testing.T) {
	got := ParsePasswd("root:x:0:0:root:/root:/bin/bash\n+nis\n\nbad:x:-1:0:::\nbig:x:4294967296:0:::\nlast:x:1000:1000::/home/last:/bin/sh")
	assert.DeepEqual(t, got, []Entry{
		{Name: "root", Comment: "root", Home: "/root", Shell: "/bin/bash"},
		{Name: "last", ID: 1000, GID: 1000, Home: "/home/last", Shell: "/bin/sh"},
	})
	groups := parseGroup("root:x:0:\nstaff:x:50:app,bob\nshort:x\n:x:7:\n+:::\n")
	assert.DeepEqual(t, groups, []Entry{{Name: "root"}, {Name: "staff", ID: 50, Members: []string{"app", "bob"}}})
	assert.DeepEqual(t, merged(groups, []Entry{{Name: "staff", ID: 50}, {Name: "ldap", ID: 70000}}), []Entry{
		{Name: "root", File: true}, {Name: "staff", ID: 50, Members: []string{"app", "bob"}, File: true}, {Name: "ldap", ID: 70000},
	})
	assert.Equal(t, subIDSource("passwd: files\n# subid: x\n subid: sss  # remote\n"), "sss")
	assert.Equal(t, subIDSource("passwd: files\n"), "")
}

// As systemd 252 of Debian 12 prints it for the units of docker.io.
const show = `Restart=always
MainPID=0
NRestarts=2
Result=start-limit-hit
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
EnvironmentFiles=/etc/docker env (ignore_errors=no)
Environment=A=1 B=2
Id=docker.service
LoadState=loaded
ActiveState=failed
SubState=failed
FragmentPath=/lib/systemd/system/docker.service
DropInPaths=/etc/systemd/system/docker.service.d/a.conf /etc/systemd/system/docker.service.d/b.conf
KillMode=process
NeedDaemonReload=yes

Id=docker.socket
LoadState=loaded
ActiveState=active

MainPID=0
Id=snap.docker.dockerd.service
LoadState=not-found
ActiveState=inactive
`

func TestShow(t *testing.T) {
	units := parseShow(show)
	assert.Equal(t, len(units), 3)
	assert.DeepEqual(t, unitOf(units["docker.service"]), Unit{
		Manager: Systemd, Name: "docker.service", LoadState: "loaded", Active: "failed", Sub: "failed",
		Result: "start-limit-hit", NRestarts: 2, File: "/lib/systemd/system/docker.service",
		DropIns:     []string{"/etc/systemd/system/docker.service.d/a.conf", "/etc/systemd/system/docker.service.d/b.conf"},
		Program:     "/usr/sbin/dockerd",
		Start:       "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS",
		Environment: []string{"A=1", "B=2"}, Restart: "always", KillMode: "process", NeedReload: true,
		EnvironmentFiles: []EnvironmentFile{{"/etc/default/docker", true}, {"/etc/docker env", false}},
	})
	assert.Equal(t, unitOf(map[string]string{"Id": "snap.docker.dockerd.service"}).Manager, SnapD)
	assert.Equal(t, len(parseShow("System has not been booted with systemd as init system (PID 1). Can't operate.\n")), 0)
	u := unitOf(map[string]string{
		"ExecStart": "{ path=/a ; argv[]=/a x ; b }\n{ path=/d ; argv[]=/e y ; f }", "ExecStartEx": "{ path=/d ; argv[]=/e y ; flags=no-env-expand ; f }",
		"Environment": `"A=b c" D=e "Q=x\"y"`,
	})
	assert.Equal(t, u.Program+" runs "+u.Start, "/d runs /e y")
	assert.Check(t, u.Verbatim)
	assert.DeepEqual(t, u.Environment, []string{"A=b c", "D=e", `Q=x"y`})
	u = unitOf(map[string]string{"ExecStart": ""})
	assert.Equal(t, u.Program+u.Start, "")
}

func TestQuotaKeys(t *testing.T) {
	const users = "    0:    59 58/58 53/1000000 1002/25000000\n165536:     1 1/1 1/200 70/20000\n-1: 1 1/1 1/200 9/9\n7: 1 1/1\n8: 1 1/1 x/200 9/9\nnonsense\n"
	assert.DeepEqual(t, quotaKeys(users), map[int64]int64{0: 53, 165536: 1})
}

func TestCgroupUnit(t *testing.T) {
	for cgroup, want := range map[string][2]string{
		"0::/system.slice/docker.service\n":                               {"/system.slice/docker.service", "docker.service"},
		"12:pids:/x\n1:name=systemd:/system.slice/docker.service\n0::/\n": {"/system.slice/docker.service", "docker.service"},
		"0::/user.slice/user-0.slice/session-1.scope\n":                   {"/user.slice/user-0.slice/session-1.scope", ""},
		"0::/\n": {"/", ""}, "": {"", ""}, "nonsense": {"", ""},
	} {
		group, unit := cgroupUnit(cgroup)
		assert.Equal(t, [2]string{group, unit}, want)
	}
}

func TestLiveMaps(t *testing.T) {
	text := func(files map[string]string) host.Text {
		x := host.Text{Files: map[string][]string{}}
		for p, l := range files {
			x.Files[p] = []string{l}
		}
		return x
	}
	got := liveMaps(
		text(map[string]string{"/proc/7/uid_map": "0 1 2", "/proc/30/uid_map": "0 1 2", "/proc/8/uid_map": "0 5 2"}),
		text(map[string]string{"/proc/7/gid_map": "0 1 2", "/proc/30/gid_map": "0 1 2"}),
	)
	assert.DeepEqual(t, got, []LiveMap{
		{PIDs: []int{7, 30}, Map: idmap.Single(1, 2)},
		{PIDs: []int{8}, Map: idmap.Map{UID: idmap.Single(5, 2).UID}},
	})
}

func TestResolve(t *testing.T) {
	missing := host.Stat{Err: fs.ErrNotExist}
	known := map[string]host.Stat{
		"/": {}, "/var": {}, "/run": {}, "/run/docker.sock": {}, "/var/lib": {},
		"/var/run": {Target: "/run"}, "/var/up": {Target: "../run"}, "/var/far": {Target: "../../../../run/./"},
		"/loop": {Target: "loop"}, "/gone": missing, "/var/chain": {Target: "up"}, "/var/far away": {Target: "/elsewhere"},
	}
	for p, want := range map[string][2]string{
		"/var/run/docker.sock":   {"/run/docker.sock"},
		"/var/up/docker.sock":    {"/run/docker.sock"},
		"/var/far/docker.sock":   {"/run/docker.sock"},
		"/var/chain/docker.sock": {"/run/docker.sock"},
		"/var/lib":               {"/var/lib"},
		"//var/./lib/../run/":    {"/run"},
		"/gone/below/it":         {"/gone/below/it"},
		"/loop/x":                {"/loop/x"},
		"/var/far away/x":        {"", "/elsewhere"},
		"/unknown/x":             {"", "/unknown"},
		"/":                      {"/"},
	} {
		real, need := resolve(p, known)
		assert.DeepEqual(t, [2]string{real, need}, want)
	}
	found, need := pathOf("/gone/x", map[string]host.Stat{"/": {}, "/gone": missing})
	assert.Check(t, errors.Is(found.Stat.Err, fs.ErrNotExist) && len(need) == 0)
	_, need = pathOf("/var/run/x", known)
	assert.DeepEqual(t, need, []string{"/run/x"})
}

func TestFresh(t *testing.T) {
	got := fresh([]string{"/a", "/b", "/a", "relative", "/nul\x00", "/c"}, map[string]int{"/c": 1})
	assert.DeepEqual(t, got, []string{"/a", "/b"})
}
