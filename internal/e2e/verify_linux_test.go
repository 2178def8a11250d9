package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// verified reads the answer of a verification, whatever its exit code.
func verified(t *testing.T, a answer) judged {
	t.Helper()
	j := judged{code: a.code}
	assert.NilError(t, json.Unmarshal([]byte(a.stdout), &j), "exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	assert.NilError(t, schema.Validate(schema.Results, a.stdout))
	assert.Assert(t, len(j.Results) >= 10, a.stdout)
	return j
}

func verifyOver(t *testing.T, host *testbed.Host, name string, args ...string) judged {
	t.Helper()
	return verified(t, docker(t, host, nil, append([]string{"--context", name, "userns", "verify", "--format", "json"}, args...)...))
}

func verifyOn(t *testing.T, host *testbed.Host, user string) judged {
	t.Helper()
	return verified(t, ask(t, host.Command("su", "-", user, "-c", "docker userns verify --format json")))
}

// onHost calls docker on the host's engine.
func onHost(t *testing.T, host *testbed.Host, args ...string) string {
	t.Helper()
	return host.Docker(t, append([]string{"--context", "unix"}, args...)...)
}

// container starts one that sleeps on a host.
func container(t *testing.T, host *testbed.Host, name string, args ...string) {
	t.Helper()
	args = append([]string{"run", "-d", "--network=none", "--stop-signal=KILL", "--name=" + name}, args...)
	onHost(t, host, append(args, "bb", "sleep", "10000")...)
}

// withThreads is a container with a process whose threads changed their IDs, and
// that has groups.
func withThreads(t *testing.T, host *testbed.Host) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "threads")
	cmd := exec.Command("go", "build", "-o", program, "../verify/testdata/threads")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	onHost(t, host, "create", "--network=none", "--stop-signal=KILL", "--name=threads", "--group-add=7", "--group-add=65535", "bb", "/threads")
	onHost(t, host, "cp", program, "threads:/threads")
	onHost(t, host, "start", "threads")
	host.Shell(t, `for i in $(seq 200); do docker logs threads | grep -q ready && exit; sleep .05; done; exit 1`)
}

// A remapped host that is right is proven so from wherever its kernel can be
// looked at. With the API alone the proof is weaker, and says so, until a probe
// has seen the map from inside.
func TestVerifySoundHost(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.ServeTLS(t)
		host.Remap(t, 100000, 65536)
		install(t, host)
		host.Busybox(t, "bb")
		container(t, host, "web", "--user=1000:1000", "--init")
		onHost(t, host, "exec", "-d", "--user=33", "web", "sleep", "10000")
		withThreads(t, host)
		before := state(t, host)
		for name, j := range map[string]judged{
			"root over ssh": verifyOver(t, host, "root"), "opnp over ssh": verifyOver(t, host, "opnp"),
			"root on the host": verifyOn(t, host, "root"), "opnp on the host": verifyOn(t, host, "opnp"),
		} {
			assert.Equal(t, j.code, 0, "%s: %v", name, j.Results)
			for _, v := range j.Results {
				want := "ok"
				if v.Category == "carried over" { // remap was turned on by hand
					want = "skipped"
				}
				assert.Check(t, v.Status == want, "%s: %s is %s: %s", name, v.ID, v.Status, v.Message)
			}
			assert.Check(t, strings.Contains(j.of(t, "map-in-force").Message, "0:100000:65536"), name)
			assert.Equal(t, j.of(t, "processes").Message, "4 processes of 2 containers", name)
		}
		j := verifyOver(t, host, "tls")
		assert.Equal(t, j.code, 0)
		assert.DeepEqual(t, j.found("unknown"), []string{"data-root-owner", "map-in-force", "left-processes", "processes", "mounts", "sockets", "carried-containers", "carried-volumes", "carried-networks", "carried-images"})
		assert.Equal(t, verifyOver(t, host, "tls", "--strict").code, 1)
		assert.DeepEqual(t, state(t, host), before)

		j = verifyOver(t, host, "tls", "--probe")
		for _, id := range []string{"processes", "host-root", "probe-map", "probe-root", "probe-user"} {
			assert.Check(t, j.of(t, id).Status == "ok", "%s: %s", id, j.of(t, id).Message)
		}
		assert.Check(t, strings.Contains(j.of(t, "processes").Message, "weaker proof"), j.of(t, "processes").Message)
		ticket := docker(t, host, nil, "--context", "root", "userns", "verify", "--probe", "--format", "markdown")
		assert.Equal(t, ticket.code, 0, ticket.stdout)
		assert.Assert(t, strings.Contains(ticket.stdout, "- [x] A container sees its own UID"), ticket.stdout)
		assert.Assert(t, strings.Contains(ticket.stdout, "- [ ] Applications report"), ticket.stdout)
		assert.Equal(t, onHost(t, host, "ps", "-aq", "--filter", "label=io.docker-userns.probe"), "")
		watches(t, host)
	})
}

// watches has a verification go on until Ctrl-C, and say what changes meanwhile.
func watches(t *testing.T, host *testbed.Host) {
	t.Helper()
	cmd := host.DockerCommand("--context", "root", "userns", "verify", "--watch", "200ms", "--format", "{{.ID}}={{.Status}}")
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	await := func(line string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == line {
				return
			}
		}
		t.Fatalf("it ended without %s", line)
	}
	await("userns-host=ok")
	container(t, host, "stays", "--userns=host")
	await("userns-host=warning")
	onHost(t, host, "rm", "-f", "stays")
	await("userns-host=ok")
	assert.NilError(t, cmd.Process.Signal(os.Interrupt))
	for lines.Scan() {
	}
	assert.NilError(t, cmd.Wait())
}

// What is wrong is found, and told apart.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		host.Busybox(t, "bb")
		host.Shell(t, `mkdir -m 700 /srv/data && chown 1000:1000 /srv/data`)
		container(t, host, "web", "--user=1000:1000", "-v", "/srv/data:/data")
		container(t, host, "stays", "--userns=host")
		container(t, host, "docker", "-v", "/run/docker.sock:/run/docker.sock")
		j := verifyOver(t, host, "root")
		assert.Equal(t, j.code, 1)
		assert.DeepEqual(t, j.found("error"), []string{"mounts", "sockets"})
		assert.DeepEqual(t, j.found("warning"), []string{"userns-host"})
		assert.Equal(t, j.of(t, "userns-host").Details[0].Name, "stays")
		assert.Check(t, strings.Contains(fmt.Sprint(j.of(t, "mounts").Details), "{web: /srv/data at /data drwx------, owner 1000:1000: user 101000 has --- and lacks rwx; software such as PostgreSQL"), "%v", j.of(t, "mounts").Details)
		assert.Check(t, strings.Contains(fmt.Sprint(j.of(t, "sockets").Details), "docker: /run/docker.sock at /run/docker.sock"), "%v", j.of(t, "sockets").Details)
		assert.Equal(t, len(j.of(t, "sockets").Fix), 0, "nobody is to grant the right to rule the engine")
		for _, command := range j.of(t, "mounts").Fix {
			host.Shell(t, command)
		}
		assert.Equal(t, verifyOver(t, host, "root").of(t, "mounts").Status, "ok")
		assert.Equal(t, verifyOver(t, host, "root", "stays").of(t, "mounts").Status, "ok")
		nobody := docker(t, host, nil, "--context", "root", "userns", "verify", "nobody")
		assert.Equal(t, nobody.code, 2)
		assert.Assert(t, strings.Contains(nobody.stderr, `looking for container "nobody": no such container runs`), nobody.stderr)

		onHost(t, host, "run", "-d", "--network=none", "--restart=always", "--name=loops", "bb", "sh", "-c", "exit 13")
		host.Shell(t, `for i in $(seq 300); do [ "$(docker inspect -f '{{.RestartCount}}' loops)" -lt 3 ] || exit 0; sleep .1; done; exit 1`)
		j = verifyOver(t, host, "root")
		up := j.of(t, "containers-up")
		assert.Check(t, up.Status == "error" && len(up.Details) == 1 && up.Details[0].Name == "loops", "%v", up)
		assert.DeepEqual(t, j.found("unknown"), []string(nil))
		onHost(t, host, "rm", "-f", "loops")

		intrude(t, host, "web")
		j = verifyOver(t, host, "root")
		for _, id := range []string{"host-root", "processes"} {
			v := j.of(t, id)
			assert.Check(t, v.Status == "error" && len(v.Details) == 1 && strings.HasPrefix(v.Details[0].Name, "web: process "), "%s: %v", id, v)
		}

		host.WriteFile(t, "/etc/subuid", []byte("dockremap:100000:1000\n"), 0o644)
		v := verifyOver(t, host, "root").of(t, "map-in-force")
		assert.Check(t, v.Status == "error" && strings.Contains(v.Message, "were edited since the daemon started"), v.Message)
		host.WriteFile(t, "/etc/subuid", []byte("dockremap:300000:65536\n"), 0o644)
		v = verifyOver(t, host, "root").of(t, "map-in-force")
		assert.Check(t, v.Status == "error" && strings.Contains(v.Message, "with another data root"), v.Message)
	})
}

// intrude puts a process of the host's root and one of another user of it into
// a container's cgroups.
func intrude(t *testing.T, host *testbed.Host, name string) {
	t.Helper()
	host.Shell(t, `pid=$(docker inspect -f '{{.State.Pid}}' `+name+`)
		for user in root daemon; do
			setpriv --reuid=$user --regid=$user --init-groups sleep 10000 >/dev/null 2>&1 & new=$!
			while IFS=: read -r _ names path; do
				for dir in /sys/fs/cgroup/${names#name=} /sys/fs/cgroup; do
					[ "$path" = / ] || echo $new >$dir$path/cgroup.procs || true
				done 2>/dev/null
			done </proc/$pid/cgroup
		done`)
}

// A host without remap, and one whose daemon does not run.
func TestVerifyWithoutRemap(t *testing.T) {
	host := boot(t, testbed.Engine28)
	j := verifyOver(t, host, "root")
	assert.Equal(t, j.code, 1)
	assert.DeepEqual(t, j.found("error"), []string{"daemon-remapped"})
	assert.Equal(t, j.Summary["skipped"], len(j.Results)-2)
	host.Run(t, "systemctl", "stop", "docker.socket", "docker.service")
	assert.Equal(t, verifyOver(t, host, "root").code, 2)
}

// From a mount namespace of its own, such as that of a hardened unit, verify does not say that
// nothing runs outside of the engine: it could not tell.
func TestVerifyInANamespaceOfItsOwn(t *testing.T) {
	testbed.Need(t)
	t.Parallel()
	host := boot(t, testbed.Engine28)
	install(t, host)
	host.Remap(t, 100000, 65536)
	status := func(words ...string) string {
		return verified(t, ask(t, host.Command(append(words, "docker", "userns", "verify", "--format", "json")...))).of(t, "left-processes").Status
	}
	assert.Equal(t, status("env"), "ok")
	assert.Equal(t, status("unshare", "--mount"), "unknown")
}
