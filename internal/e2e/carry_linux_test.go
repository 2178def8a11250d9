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
		for _, want := range []string{"Carried over to /var/lib/docker/165536.165536", "volume scratch: excluded", "3 volumes", "inodes free", "Copy "} {
			assert.Assert(t, strings.Contains(plan.stdout, want), "no %q in:\n%s", want, plan.stdout)
		}
		if !store {
			assert.Assert(t, strings.Contains(plan.stdout, "image refused:1: a remapped engine refuses it: srv/x of 1516583083:0 in layer 1"), "%s", plan.stdout)
		}
		assert.Equal(t, engine(t, host), old)
		assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker/.docker-userns* /var/lib/docker-userns 2>/dev/null || true"), "", "a dry run leaves nothing")

		a := change(t, host, "root", "enable", "--carry", "--exclude=volume:scratch", "--yes", "--stable=1s")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
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
		assert.Equal(t, host.Shell(t, `cd /var/lib/docker; head -c $(stat -c %s volumes/busy/_data/log) 165536.165536/volumes/busy/_data/log | cmp - volumes/busy/_data/log && echo equal`), "equal", "all that was written is there; the writer, if it is carried, goes on")
		assert.Equal(t, host.Shell(t, `docker run --rm --network=none -v kept:/v bb sh -c 'stat -c "%u %a" /v/app /v/high; cat /v/root'`), "1000 4751\n65534 644\nroot")
		assert.Equal(t, host.Shell(t, "ls -A /var/lib/docker /var/lib/docker/165536.165536 | grep docker-userns || true"), "")

		a = change(t, host, "root", "disable", "--yes", "--yes=kept", "--yes=busy", "--stable=1s", "--reclaim")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		assert.Equal(t, engine(t, host), old)
		assert.Equal(t, host.Shell(t, "ls /var/lib/docker | grep 165536 || true"), "", "the copy is deleted like any data root that enable made")
		assert.Equal(t, listing(t, host, "/var/lib/docker/volumes/kept/_data", "0"), kept)
	})
}

const (
	twin    = "/var/lib/docker/.docker-userns-twin"
	newRoot = "/var/lib/docker/165536.165536"
)

// atMoment makes docker.service run a command of the shell at a moment, such as
// ExecStopPost, and gives the function that takes it away.
func atMoment(t *testing.T, host *testbed.Host, moment, script string) (mend func()) {
	t.Helper()
	host.WriteFile(t, "/srv/moment", []byte("#!/bin/sh\n"+script+"\n"), 0o755)
	host.Shell(t, `mkdir -p /etc/systemd/system/docker.service.d; printf '[Service]\n`+moment+`=/srv/moment\n' >/etc/systemd/system/docker.service.d/moment.conf; systemctl daemon-reload`)
	return func() {
		host.Shell(t, "rm /etc/systemd/system/docker.service.d/moment.conf; systemctl daemon-reload")
	}
}

// Whatever fails, the old world is there again, whole, and nothing of the copy is in the
// way of the next attempt.
func TestCarryUndone(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	stored(t, host)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	kept := listing(t, host, "/var/lib/docker/volumes/kept/_data", "0")
	enable := func() answer {
		return change(t, host, "root", "enable", "--carry", "--exclude=volume:busy", "--yes", "--stable=1s")
	}
	left := func() string {
		return host.Shell(t, "cd /var/lib/docker; ls -A | grep -e docker-userns -e 165536 | sed 's/Z$//; s/-[0-9T]*$/-ID/' || true")
	}

	t.Run("the copy cannot be completed", func(t *testing.T) {
		mend := atMoment(t, host, "ExecStopPost", "rm -rf "+twin+"/.docker-userns")
		a := enable()
		mend()
		assert.Check(t, strings.Contains(a.stderr, "is not the copy that was made"), "%s", a.stderr)
		undone(t, host, a, oldFiles, oldEngine)
		assert.Equal(t, left(), ".docker-userns-twin")
		a = enable()
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "was not made by this program"), "%d %s", a.code, a.stderr)
		assert.Check(t, strings.Contains(a.stderr, "Nothing was changed"), "%s", a.stderr)
		host.Shell(t, "rm -rf "+twin)
	})
	t.Run("the copy cannot be written in the last pass", func(t *testing.T) {
		mend := atMoment(t, host, "ExecStopPost", "cd /var/lib/docker/volumes/kept/_data; [ ! -e /srv/refuse ] || { echo more >>root; mount -t tmpfs none "+twin+"/volumes/kept/_data -o ro; }")
		host.Shell(t, "touch /srv/refuse")
		a := enable()
		host.Shell(t, "rm /srv/refuse; umount "+twin+"/volumes/kept/_data; sed -i /more/d /var/lib/docker/volumes/kept/_data/root; touch -d @1700000000 /var/lib/docker/volumes/kept/_data/root")
		mend()
		kept = listing(t, host, "/var/lib/docker/volumes/kept/_data", "0")
		assert.Check(t, strings.Contains(a.stderr, "read-only file system"), "%s", a.stderr)
		undone(t, host, a, oldFiles, oldEngine)
		assert.Equal(t, left(), ".docker-userns-twin")
	})
	t.Run("the disk is full in the last pass", func(t *testing.T) {
		mend := atMoment(t, host, "ExecStopPost", `cd /var/lib/docker; [ -e /srv/once ] || { touch /srv/once; dd if=/dev/urandom of=volumes/kept/_data/grown bs=1M count=20 status=none
			fallocate -l $(df --output=avail -B1 . | tail -n 1) filler; dd if=/dev/zero bs=4k status=none >>filler; }; :`)
		a := enable()
		mend()
		assert.Check(t, strings.Contains(a.stderr, "no space left on device"), "%s", a.stderr)
		undone(t, host, a, oldFiles, oldEngine)
		assert.Equal(t, left(), ".docker-userns-twin")
		host.Shell(t, "cd /var/lib/docker; rm -r filler volumes/kept/_data/grown "+twin)
		kept = listing(t, host, "/var/lib/docker/volumes/kept/_data", "0")
	})
	t.Run("the remapped daemon does not start", func(t *testing.T) {
		mend := atMoment(t, host, "ExecStartPre", "! grep -q userns-remap /etc/docker/daemon.json")
		a := enable()
		mend()
		undone(t, host, a, oldFiles, oldEngine)
		assert.Check(t, strings.Contains(a.stderr, "what was copied stays in "+newRoot+".undone-"), "%s", a.stderr)
		assert.Equal(t, left(), "165536.165536.undone-ID")
		assert.Equal(t, listing(t, host, newRoot+".undone-*/volumes/kept/_data", "165536"), kept, "the copy was complete")
	})
	assert.Equal(t, listing(t, host, "/var/lib/docker/volumes/kept/_data", "0"), kept)

	t.Run("interrupted, and then resumed", func(t *testing.T) {
		host.Shell(t, "cd /var/lib/docker/volumes/scratch/_data; seq 60000 | xargs touch")
		c := begin(t, host, "enable", "--carry", "--exclude=volume:busy", "--yes")
		c.await("[1/")
		c.interrupt()
		a := c.end()
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "copy: interrupted\nNothing was changed."), "%d %s", a.code, a.stderr)
		assert.Check(t, strings.Contains(a.stderr, "run the command again to resume it"), "%s", a.stderr)
		assert.Equal(t, files(t, host), oldFiles)
		assert.Equal(t, engine(t, host), oldEngine)
		settled(t, host)
		assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker-userns/*/change.sh | wc -l"), "4", "no change was begun")

		a = change(t, host, "root", "enable", "--carry=images", "--yes", "--stable=1s")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		assert.Equal(t, host.Shell(t, "docker volume ls -q; docker images -q bb | wc -l"), "1", "nothing is there of what is no longer wanted")
		assert.Equal(t, left(), "165536.165536\n165536.165536.undone-ID")
	})
}
