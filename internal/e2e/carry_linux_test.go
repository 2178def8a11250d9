package e2e

import (
	"bytes"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// stored makes volumes with files of all kinds, one that a container never stops
// writing to, one that is excluded, and an image that a remapped engine refuses.
func stored(t *testing.T, host *testbed.Host) {
	t.Helper()
	inUse(t, host)
	refused := imagetest.Archive("refused:1", "", step("ADD x /srv/", imagetest.File{Name: "srv/"}, imagetest.File{Name: "srv/x", UID: 1516583083}))
	assert.NilError(t, host.Load(t.Context(), bytes.NewReader(refused)))
	host.Shell(t, `docker volume create --label kept=yes kept; docker volume create scratch; docker volume create busy
		cd /var/lib/docker/volumes
		echo scratch >scratch/_data/f
		cd kept/_data
		echo root >root; echo app >app; chown 1000:1000 app; chmod 4711 app; setfacl -m u:33:rx app
		echo high >high; chown 70000:70000 high; mkfifo fifo; ln -s /etc/passwd link; ln app again; truncate -s 50M hole
		mkdir many; for i in $(seq 500); do echo $i >many/$i; done
		docker run -d --network=none --name=writer -v busy:/busy bb sh -c 'i=0; while :; do i=$((i+1)); echo $i >>/busy/log; echo $i >/busy/last.new; mv /busy/last.new /busy/last; done'`)
}

// listing lists all of a folder with owners as the first host ID shifts them.
func listing(t *testing.T, host *testbed.Host, folder, shift string) string {
	t.Helper()
	return host.Shell(t, `cd `+folder+`; find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort | awk -v s=`+shift+` '{ if ($4 >= s && $4 < s + 65536) $4 -= s; if ($5 >= s && $5 < s + 65536) $5 -= s; if ($2 == "d") $6 = $7 = "-"; print }'
		find . -type f ! -size +1M | sort | xargs sha256sum; getfacl -nR . 2>/dev/null | sed -n 's/^user:[0-9].*/acl &/p' | wc -l`)
}

// Images and volumes are in the remapped engine after enable --carry, with shifted owners
// and all that was written up to the end. What was there before is untouched.
func TestCarry(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		install(t, host)
		stored(t, host)
		store := host.Shell(t, "docker info -f '{{.DriverStatus}}' | grep -c containerd || true") != "0"
		images := host.Shell(t, `docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | grep -v refused:1 | sort`)
		kept := listing(t, host, "/var/lib/docker/volumes/kept/_data", "0")
		layers := host.Shell(t, `ls /var/lib/docker/overlay2 2>/dev/null | sort`)
		old := engine(t, host)

		plan := change(t, host, "root", "enable", "--carry", "--exclude=volume:scratch", "--dry-run")
		assert.Equal(t, plan.code, 0, "%s%s", plan.stdout, plan.stderr)
		for _, want := range []string{"Carried over to /var/lib/docker/165536.165536", "volume scratch: excluded", "3 volumes", "free are", "Copy "} {
			assert.Assert(t, strings.Contains(plan.stdout, want), "no %q in:\n%s", want, plan.stdout)
		}
		if !store {
			assert.Assert(t, strings.Contains(plan.stdout, "image refused:1: a remapped engine refuses it: srv/x of 1516583083:0 in layer 1"), "%s", plan.stdout)
		}
		assert.Equal(t, engine(t, host), old)
		assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker/.docker-userns* /var/lib/docker-userns 2>/dev/null || true"), "", "a dry run leaves nothing")

		a := change(t, host, "root", "enable", "--carry", "--exclude=volume:scratch", "--yes", "--stable=1s")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		t.Logf("%s%s", a.stdout, a.stderr)
		settled(t, host)
		if !store {
			got := host.Shell(t, `docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort`)
			assert.Equal(t, got, images)
			assert.Equal(t, host.Shell(t, "docker run --rm --network=none bb sh -c 'echo runs'"), "runs")
		} else {
			host.Busybox(t, "bb")
		}
		assert.Equal(t, host.Shell(t, "docker volume ls -q | sort | xargs"), "busy data kept")
		assert.Equal(t, host.Shell(t, "docker volume inspect -f '{{.Labels.kept}}' kept"), "yes")
		assert.Equal(t, listing(t, host, "/var/lib/docker/165536.165536/volumes/kept/_data", "165536"), kept)
		assert.Equal(t, listing(t, host, "/var/lib/docker/volumes/kept/_data", "0"), kept, "the old one is as it was")
		assert.Equal(t, host.Shell(t, "ls /var/lib/docker/overlay2 2>/dev/null | sort"), layers)
		assert.Equal(t, host.Shell(t, `cd /var/lib/docker; cmp volumes/busy/_data/log 165536.165536/volumes/busy/_data/log && echo equal`), "equal", "all that was written is there")
		assert.Equal(t, host.Shell(t, `docker run --rm --network=none -v kept:/v bb sh -c 'stat -c "%u %a" /v/app /v/high; cat /v/root'`), "1000 4711\n65534 644\nroot")
		assert.Equal(t, host.Shell(t, "ls -A /var/lib/docker /var/lib/docker/165536.165536 | grep docker-userns || true"), "")

		a = change(t, host, "root", "disable", "--yes", "--stable=1s")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		assert.Equal(t, engine(t, host), old)
	})
}
