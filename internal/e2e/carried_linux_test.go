package e2e

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// details are the names that a verdict gives, with what it says of each.
func (v verdict) details() string {
	var b strings.Builder
	for _, d := range v.Details {
		b.WriteString(d.Name + ": " + d.Note + "\n")
	}
	return b.String()
}

// A host with half of its containers gone is not well, and says so until somebody
// accepts it. Who goes back sees what was written meanwhile, and finds running
// what ran.
func TestWhatIsLeftBehind(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	host.Shell(t, `docker exec web sh -c 'echo old >/data/f'; docker volume create spare
		touch -d 2026-01-02T03:04:05Z /var/lib/docker/volumes/data/_data/f; mkdir -m 777 -p /srv/shared`)
	a := must(t, host, "enable", "--yes", "--stable=0s")
	assert.Check(t, strings.Contains(a.stdout, "To go back: docker --context root userns disable\n"), a.stdout)

	j := verifyOver(t, host, "root")
	assert.Equal(t, j.code, 0, "%v", j.Results)
	for id, want := range map[string][]string{
		"carried-containers": {"web: it ran\n", "once: it ran\n", "job: \n"}, "carried-volumes": {"data: of web\n", "spare: \n"},
		"carried-networks": {"front: \n"}, "carried-images": {"bb:latest: \n"},
	} {
		v := j.of(t, id)
		assert.Equal(t, v.Status, "warning", "%s: %s", id, v.Message)
		accept := strings.Contains(v.Message, "docker --context root userns verify --accept-missing")
		assert.Equal(t, accept, id == "carried-containers", "%s: it is said once, by the first: %s", id, v.Message)
		for _, line := range want {
			assert.Check(t, strings.Contains(v.details(), line), "%s: no %q in %s", id, line, v.details())
		}
		assert.Equal(t, len(v.Details), len(want), v.details())
	}
	assert.Equal(t, verifyOver(t, host, "root", "--strict").code, 1)

	t.Run("recreated in part", func(t *testing.T) {
		host.Busybox(t, "bb")
		onHost(t, host, "network", "create", "--internal", "front")
		container(t, host, "web", "-v", "data:/data", "-v", "/srv/shared:/shared", "--user=0")
		onHost(t, host, "exec", "web", "sh", "-c", "echo new >/data/f; echo mine >/shared/f")
		j := verifyOver(t, host, "root")
		assert.DeepEqual(t, j.found("warning"), []string{"carried-containers", "carried-volumes"})
		assert.Equal(t, j.of(t, "carried-containers").details(), "job: \nonce: it ran\n")
		onHost(t, host, "stop", "web")
		j = verifyOver(t, host, "root")
		assert.Check(t, strings.Contains(j.of(t, "carried-containers").details(), "web: exists, but is not running as it was before"), j.of(t, "carried-containers").details())
		onHost(t, host, "start", "web")
	})
	t.Run("accepted", func(t *testing.T) {
		a := docker(t, host, nil, "--context", "root", "userns", "verify", "--accept-missing")
		assert.Check(t, a.code == 0 && strings.Contains(a.stderr, "container once") && strings.Contains(a.stderr, "volume spare"), "%d: %s", a.code, a.stderr)
		j := verifyOver(t, host, "opnp")
		assert.DeepEqual(t, j.found("warning"), []string(nil))
		assert.Equal(t, verifyOver(t, host, "root", "--strict").code, 0)
		assert.Equal(t, host.Shell(t, "stat -c '%U:%G %a' /var/lib/docker-userns/2*/accepted.json"), "root:root 600")
		a = docker(t, host, nil, "--context", "guest", "userns", "verify", "--accept-missing")
		assert.Check(t, a.code == 2, "%d: %s%s", a.code, a.stdout, a.stderr)
		onHost(t, host, "network", "rm", "front")
		assert.DeepEqual(t, verifyOver(t, host, "root").found("warning"), []string{"carried-networks"}) // what is missing since then
	})
	t.Run("going back", func(t *testing.T) {
		onHost(t, host, "network", "create", "--internal", "front")
		onHost(t, host, "volume", "create", "cache")
		a := must(t, host, "disable", "--dry-run")
		for _, want := range []string{
			"containers: web (running)\n", "volumes: cache, data\n", "networks: front\n", "images: bb:latest\n",
			"  - data: the one that stays behind is NEWER, last written 20", "; containers go back to data of 2026-01-02 03:04:05 UTC\n",
			"network front", "container web", "image bb:latest", "/srv/shared, mounted by web: 1 file\n", "Start the containers that ran before enable: once, web\n",
		} {
			assert.Check(t, strings.Contains(a.stdout, want), "no %q in:\n%s", want, a.stdout)
		}
		assert.Check(t, !strings.Contains(a.stdout, "- spare"), a.stdout)
		must(t, host, "disable", "--yes", "--stable=0s")
		runs := strings.Fields(onHost(t, host, "ps", "--format", "{{.Names}}"))
		slices.Sort(runs)
		assert.DeepEqual(t, runs, []string{"once", "web"})
		assert.Equal(t, onHost(t, host, "exec", "web", "cat", "/data/f"), "old")
		settled(t, host)
		a = must(t, host, "enable", "--dry-run")
		assert.Check(t, strings.Contains(a.stdout, "With remap, containers use the data in /var/lib/docker/165536.165536:\n  - data: the one that stays behind is older, last written 2026-01-02 03:04:05 UTC; the other one 20"), a.stdout)
	})
}
