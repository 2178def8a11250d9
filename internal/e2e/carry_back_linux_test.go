package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

const oldRoot = "/var/lib/docker"

// carriedOver is a host of which all was carried over but for an image and a container, and
// where things were made, changed and removed since.
func carriedOver(t *testing.T, host *testbed.Host) {
	t.Helper()
	a := change(t, host, "root", "enable", "--carry", "--userns-host=agent", "--exclude=image:refused", "--exclude=container:ended", "--yes", "--stable=0s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	settled(t, host)
	host.Shell(t, `docker exec db sh -c 'echo since >/since; busybox chown 7:8 /since; echo kept >/kept/of-db'
		docker exec agent sh -c 'echo since >/scratch/since'
		docker volume create --label since=yes fresh; docker network create later; docker tag bb bb:since
		docker run -d --stop-signal=KILL --name=fresh --network=later -v fresh:/fresh bb sh -c 'echo fresh >/fresh/f; sleep 100000'
		docker run --rm --network=none -v kept:/kept bb sh -c 'echo more >/kept/more; busybox chown 9:9 /kept/more; busybox rm /kept/root'
		docker rm -f side job`)
}

// All that a remapped engine has is in the old one after disable --carry, with what was
// written since, and what was not carried over is still there.
func TestCarryBack(t *testing.T) {
	eachInhabited(t, carryBack, testbed.Engine28)
}

func carryBack(t *testing.T, host *testbed.Host) {
	const next = oldRoot + "/165536.165536"
	oldFiles := files(t, host)
	carriedOver(t, host)
	before := inspection(t, host, next, "db", "once")
	kept := strings.ReplaceAll(listing(t, host, next+"/volumes/kept/_data", "165536"), " \n", "\n")
	host.Shell(t, "docker create --name=ended --network=none bb true")
	a := change(t, host, "root", "disable", "--carry", "--dry-run")
	assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "container:ended"), "both have one: %d %s%s", a.code, a.stdout, a.stderr)
	host.Shell(t, "docker rm ended; cd "+oldRoot+"/volumes/busy/_data; cp -p log /tmp/log; cp -p /tmp/log log")
	a = change(t, host, "root", "disable", "--carry", "--dry-run")
	assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "--exclude 'volume:busy'"), "somebody restored a backup: %d %s%s", a.code, a.stdout, a.stderr)
	host.Shell(t, "rm -r "+oldRoot+"/volumes/busy")
	plan := change(t, host, "root", "disable", "--carry", "--dry-run")
	assert.Equal(t, plan.code, 0, "%s%s", plan.stdout, plan.stderr)
	for _, want := range []string{"Carried over to /var/lib/docker:", "Kept there: 1 image and 1 container", "3 networks: ", "Start the containers that ran before the restart: "} {
		assert.Check(t, strings.Contains(plan.stdout, want), "no %q in:\n%s", want, plan.stdout)
	}

	a = change(t, host, "root", "disable", "--carry", "--restore-subids", "--yes", "--stable=1s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	settled(t, host)
	assert.Equal(t, files(t, host), oldFiles)
	assert.Equal(t, host.Shell(t, "docker info -f '{{.DockerRootDir}} {{.SecurityOptions}}' | grep -c userns || true"), "0")
	assert.Equal(t, inspection(t, host, oldRoot, "db", "once"), before)
	assert.Equal(t, host.Shell(t, "docker ps -a --format '{{.Names}}' | sort | xargs"), "agent build db ended fresh once shipper web writer")
	assert.Equal(t, host.Shell(t, "docker ps --format '{{.Names}}' | sort | xargs"), "agent build db fresh once shipper web writer")
	assert.Equal(t, host.Shell(t, "docker images --format '{{.Repository}}:{{.Tag}}' | sort | xargs"), "bb:latest bb:since refused:1")
	assert.Equal(t, host.Shell(t, "docker volume ls -q --filter label=since; docker volume ls -q --filter label=kept; docker network ls --format '{{.Name}}' | sort | xargs"),
		"fresh\nkept\nbridge front host later none shop")
	assert.Equal(t, host.Shell(t, "docker exec db sh -c 'cat /since; stat -c %u:%g /since /written; cat /kept/of-db'; docker exec agent cat /scratch/since; docker exec fresh cat /fresh/f"),
		"since\n7:8\n5:6\nkept\nsince\nfresh")
	now := strings.ReplaceAll(listing(t, host, oldRoot+"/volumes/kept/_data", "165536"), " \n", "\n")
	assert.Equal(t, now, kept)
	assert.Check(t, strings.Contains(now, "./more f 644 9 9 5") && strings.Contains(now, "./app f 4751 1000 1000") && !strings.Contains(now, "./root "), now)
	assert.Equal(t, host.Shell(t, `for c in agent build; do docker inspect -f '{{.HostConfig.UsernsMode}},{{.HostConfig.RestartPolicy.Name}}' $c; done
		stat -c %u /proc/$(docker inspect -f '{{.State.Pid}}' db); ls -d `+oldRoot+`/.docker-userns* | sed 's/-2.*//'`), ",always\n,always\n0\n"+oldRoot+"/.docker-userns-before")
	a = change(t, host, "root", "enable", "--dry-run")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
}
