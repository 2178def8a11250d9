package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// A host goes from off to on and back, whatever it started with: what was in
// use stays behind, is there again, and the files are byte for byte what they
// were. On the newest engine from all four places, on the others from two of them.
func TestThereAndBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		install(t, host)
		inUse(t, host)
		beforeFiles, beforeEngine := files(t, host), engine(t, host)
		told := 0
		for name, call := range map[string]func(args ...string) answer{
			"root over ssh":                  func(args ...string) answer { return change(t, host, "root", args...) },
			"opnp over ssh, through sudo":    func(args ...string) answer { return change(t, host, "opnp", args...) },
			"root on the host":               func(args ...string) answer { return here(t, host, "root", args...) },
			"opnp on the host, through sudo": func(args ...string) answer { return here(t, host, "opnp", args...) },
		} {
			if told++; told > 2 && host.Engine != testbed.Engine28 {
				break
			}
			planned, result := objects(t, call("enable", "--dry-run", "--format=json"))
			assert.Check(t, len(planned) == 2 && planned[0] == "plan" && result.Outcome == "planned", "%v %v", planned, result)
			assert.Equal(t, files(t, host), beforeFiles, name)
			a := call("enable", "--yes", "--stable=1s", "--storage-driver=overlay2", "--format=json")
			assert.Equal(t, a.code, 0, "%s: %s%s", name, a.stdout, a.stderr)
			kinds, result := objects(t, a)
			assert.Check(t, kinds[0] == "plan" && kinds[1] == "step" && result.Outcome == "made" && strings.Contains(host.Shell(t, "ls /var/lib/docker-userns"), result.Change), a.stdout)
			isOn(t, host, name)
			settled(t, host)

			nothing := state(t, host)
			again := call("enable", "--yes")
			assert.Assert(t, again.code == 0 && strings.Contains(again.stdout, "on already"), "%s: %s%s", name, again.stdout, again.stderr)
			assert.Equal(t, state(t, host), nothing)

			_, result = objects(t, call("enable", "--yes", "--format=json"))
			assert.Equal(t, result.Outcome, "unchanged")
			a = call("disable", "--yes", "--stable=1s", "--restore-subids", "--reclaim", "--format=json")
			assert.Equal(t, a.code, 0, "%s: %s%s", name, a.stdout, a.stderr)
			_, result = objects(t, a)
			assert.Equal(t, result.Outcome, "made", a.stdout)
			_, result = objects(t, call("disable", "--list", "--format=json"))
			assert.Equal(t, result.Outcome, "unchanged")
			assert.Equal(t, files(t, host), beforeFiles, name)
			assert.Equal(t, engine(t, host), beforeEngine, name)
			assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker/*.* 2>/dev/null || true"), "", name)
			settled(t, host)
		}
	})
}

// isOn looks at the host itself: the daemon, the file, and a process.
func isOn(t *testing.T, host *testbed.Host, name string) {
	t.Helper()
	host.Busybox(t, "bb")
	got := host.Shell(t, `docker info -f '{{.DockerRootDir}} {{.SecurityOptions}}'; docker ps -aq; grep dockremap /etc/subuid /etc/subgid
		id=$(docker run -d --network=none bb sleep 100); grep -h '^[UG]id' /proc/$(docker inspect -f '{{.State.Pid}}' $id)/status; docker rm -f $id >/dev/null
		stat -c '%U:%G %a' /etc/docker/daemon.json`)
	for _, want := range []string{
		"/var/lib/docker/165536.165536 ", "name=userns", "/etc/subuid:dockremap:165536:65536", "/etc/subgid:dockremap:165536:65536",
		"Uid:\t165536\t165536\t165536\t165536", "Gid:\t165536\t165536\t165536\t165536", "root:adm 640",
	} {
		assert.Assert(t, strings.Contains(got, want), "%s: no %q in:\n%s", name, want, got)
	}
	config := strings.TrimSuffix(awkwardJSON, "}") + ",\n\t\"userns-remap\": \"dockremap\",\n\t\"storage-driver\": \"overlay2\"}"
	assert.Equal(t, host.Run(t, "cat", "/etc/docker/daemon.json"), config, name)
}

// A plan that is only shown changes nothing, names what stays behind, and is the
// one that is carried out.
func TestDryRun(t *testing.T) {
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	before := state(t, host)
	a := change(t, host, "root", "enable", "--dry-run")
	assert.Equal(t, a.code, 0, a.stderr)
	for _, want := range []string{"web", "job", "data", "front", "bb", "useradd --system", "usermod --add-subuids 165536-231071", `+    "userns-remap": "dockremap"}`, "+dockremap:165536:65536"} {
		assert.Assert(t, strings.Contains(a.stdout, want), "no %q in:\n%s", want, a.stdout)
	}
	assert.Equal(t, state(t, host), before)
	a = change(t, host, "root", "enable")
	assert.Assert(t, a.code == 2 && strings.Contains(a.stderr, "--yes"), a.stderr)
	a = change(t, host, "root", "disable", "--dry-run")
	assert.Assert(t, a.code == 0 && strings.Contains(a.stdout, "Nothing to do"), a.stdout+a.stderr)
	assert.Equal(t, state(t, host), before)
}
