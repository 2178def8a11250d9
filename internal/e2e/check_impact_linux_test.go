package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// noted says which of a verdict's details are of a name.
func (v verdict) noted(name string) string {
	for _, d := range v.Details {
		if d.Name == name || strings.HasPrefix(d.Name, name+":") {
			return d.Note
		}
	}
	return ""
}

// Containers of all kinds that remap breaks are named, each with what is at
// stake; and what is said of a bind mount, and mends it, is so.
func TestCheckImpact(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Busybox(t, "bb")
		host.Shell(t, "mkdir -p /srv/data /srv/open && chown 1000:1000 /srv/data && chmod 700 /srv/data && chmod 777 /srv/open")
		run := func(name string, flags ...string) {
			t.Helper()
			args := append([]string{"--context", "unix", "run", "-d", "--name=" + name}, flags...)
			host.Docker(t, append(args, "bb", "sleep", "1000")...)
		}
		run("plain", "--network=none")
		host.Docker(t, "--context", "unix", "create", "--name=strong", "--network=none", "--privileged", "bb", "sleep", "1000")
		run("wide", "--network=host", "--pid=host")
		run("apart", "--network=none", "--userns=host")
		run("ruler", "--network=none", "-v", "/var/run/docker.sock:/var/run/docker.sock")
		run("owner", "--network=none", "--user=1000", "-v", "/srv/data:/data", "-v", "/srv/open:/open")
		run("caller", "--network=none", "-v", "/run/containerd/containerd.sock:/c.sock")
		run("keeper", "--network=none", "-v", "kept:/kept", "--label=com.docker.compose.project=shop")
		run("high", "--network=none", "--user=70000")
		host.Docker(t, "--context", "unix", "network", "create", "backend")

		j := over(t, host, "root")
		assert.Equal(t, j.code, 0, "%v: a warning is no error", j.found("error"))
		assert.Equal(t, over(t, host, "root", "--strict").code, 1)
		for _, want := range []struct{ id, name, note string }{
			{"impact-containers", "plain", "running, image bb"},
			{"impact-containers", "keeper", "project shop"},
			{"impact-host-namespaces", "strong", "--privileged"},
			{"impact-host-namespaces", "wide", "--network=host, --pid=host"},
			{"impact-userns-host", "apart", "--userns=host"},
			{"impact-docker-socket", "ruler", "/var/run/docker.sock"},
			{"impact-bind-mounts", "owner", "owner 1000:1000: user 101000 has --- and lacks rwx"},
			{"impact-docker-socket", "caller", "/run/containerd/containerd.sock"},
			{"impact-ids", "high", "user 70000"},
			{"impact-volumes", "kept", "used by 1 container"},
			{"impact-networks", "backend", "bridge"},
		} {
			v := j.of(t, want.id)
			assert.Check(t, v.Status == "warning" && strings.Contains(v.noted(want.name), want.note), "%s: %s: %v", want.id, v.Status, v.Details)
		}
		assert.Equal(t, len(j.of(t, "impact-host-namespaces").Details), 2, "%v", j.of(t, "impact-host-namespaces").Details)
		assert.Equal(t, len(j.of(t, "impact-bind-mounts").Details), 1, "/srv/open is open: %v", j.of(t, "impact-bind-mounts").Details)

		swarmIsNamed(t, host)
		liveRestoreIsNamed(t, host)
		host.Shell(t, "docker rm -f $(docker ps -aq)")
		mendedMount(t, host, j.of(t, "impact-bind-mounts").Fix)
	})
}

func swarmIsNamed(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.Run(t, "docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
	host.Run(t, "docker", "service", "create", "--detach", "--no-resolve-image", "--replicas=0", "--name=chores", "bb", "sleep", "1000")
	j := over(t, host, "root")
	assert.Equal(t, j.code, 1)
	assert.Equal(t, j.of(t, "swarm-inactive").Status, "error")
	assert.Assert(t, j.of(t, "impact-services").noted("chores") != "", "%v", j.of(t, "impact-services"))
	host.Run(t, "docker", "swarm", "leave", "--force")
	assert.Equal(t, over(t, host, "root").of(t, "swarm-inactive").Status, "ok")
}

func liveRestoreIsNamed(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.WriteFile(t, daemonJSON, []byte(`{"live-restore": true}`), 0o644)
	host.Run(t, "systemctl", "reload", "docker.service")
	j := over(t, host, "root")
	assert.Equal(t, j.code, 1)
	v := j.of(t, "live-restore")
	assert.Assert(t, v.Status == "error" && strings.Contains(v.Message, "8 containers"), v.Message)
	host.Run(t, "rm", daemonJSON)
	host.Run(t, "systemctl", "restart", "docker.service")
}

// mendedMount runs the commands that check proposed, and has a container of the
// remapped engine write before and after.
func mendedMount(t *testing.T, host *testbed.Host, fix []string) {
	t.Helper()
	host.Remap(t, 100000, 65536)
	host.Busybox(t, "bb")
	write := func(file string) answer {
		return ask(t, host.DockerCommand("--context", "unix", "run", "--rm", "--network=none", "--user=1000", "-v", "/srv/data:/data", "bb", "touch", "/data/"+file))
	}
	assert.Assert(t, write("before").code != 0, "the mount needed no mending")
	assert.Equal(t, len(fix), 2, "there and back: %v", fix)
	for _, command := range fix {
		a := ask(t, host.Command("sh", "-c", command))
		assert.Equal(t, a.code, 0, "%s\n%s", command, a.stderr)
	}
	a := write("after")
	assert.Equal(t, a.code, 0, a.stderr)
	assert.Equal(t, host.Run(t, "stat", "--format=%u", "/srv/data/after"), "101000")
	assert.Equal(t, host.Run(t, "stat", "--format=%u:%g %a", "/srv/data"), "101000:101000 700", "the mode is what it was")
}
