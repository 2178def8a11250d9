package e2e

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// labelled makes containers and a volume that the probe did not make, of an image
// that carries the label of its things.
const labelled = `docker commit -c 'LABEL io.docker-userns.probe="x/1 77 1"' $(docker create bb true) labelled >/dev/null
	docker run -d --network=none --stop-signal=KILL --restart=always --name=theirs -v /v labelled sleep 100000 >/dev/null`

// What is not this program's is never deleted, though it looks like it: folders with
// the name of a remapped data root, files next to /etc/subuid, an account that
// somebody has made since, containers of an image that carries the probe's label.
func TestNothingOfOthersIsDeleted(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	host.Shell(t, labelled+`; mkdir -p /var/lib/docker/2024.10 /var/lib/docker/22.4/containers /var/lib/docker/22.4/volumes
		echo precious | tee /var/lib/docker/2024.10/app /var/lib/docker/22.4/app /etc/subuid.20240101 /etc/passwd.4194303 >/dev/null`)
	theirs := func() {
		t.Helper()
		assert.Equal(t, host.Shell(t, "cat /var/lib/docker/2024.10/app /var/lib/docker/22.4/app /etc/subuid.20240101 /etc/passwd.4194303 | uniq -c | tr -d ' \n'"), "4precious")
	}
	before := engine(t, host)
	t.Run("reclaim", func(t *testing.T) {
		must(t, host, "enable", "--yes", "--stable=0s")
		host.Busybox(t, "bb")
		host.Shell(t, labelled)
		remapped := engine(t, host)
		assert.Equal(t, docker(t, host, nil, "--context", "root", "userns", "verify", "--probe").code, 0)
		assert.Equal(t, engine(t, host), remapped)
		killProbe(t, host)
		must(t, host, "disable", "--yes", "--stable=0s", "--reclaim")
		a := must(t, host, "disable", "--yes", "--stable=0s", "--reclaim")
		assert.Check(t, strings.Contains(a.stdout, "/var/lib/docker/2024.10 is kept"), a.stdout)
		assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker/*.*"), "/var/lib/docker/2024.10\n/var/lib/docker/22.4")
		host.Shell(t, "docker start once")
		assert.Equal(t, engine(t, host), before)
		theirs()
	})
	t.Run("a recreated account", func(t *testing.T) {
		must(t, host, "enable", "--yes", "--stable=0s")
		host.Shell(t, `lines=$(grep ^dockremap: /etc/subuid); userdel dockremap
			useradd -m -u 1500 -s /bin/bash dockremap; sed -i /^dockremap:/d /etc/subuid /etc/subgid
			echo "$lines" | tee -a /etc/subuid >>/etc/subgid; echo precious >/home/dockremap/f`)
		account := host.Shell(t, "grep -h dockremap /etc/passwd /etc/group /etc/shadow /etc/subuid /etc/subgid; cat /home/dockremap/f")
		a := must(t, host, "disable", "--yes", "--stable=0s", "--restore-subids")
		assert.Check(t, strings.Contains(a.stdout, "The user dockremap is kept"), a.stdout)
		assert.Equal(t, host.Shell(t, "grep -h dockremap /etc/passwd /etc/group /etc/shadow /etc/subuid /etc/subgid; cat /home/dockremap/f"), account)
		host.Shell(t, "docker start once; userdel -r dockremap 2>/dev/null; sed -i /^dockremap:/d /etc/subuid /etc/subgid")
		theirs()
	})
	t.Run("undo", func(t *testing.T) {
		oldFiles := files(t, host)
		c := begin(t, host, "enable", "--yes", "--stable=1m")
		c.await("Prove it")
		c.interrupt()
		undone(t, host, c.end(), oldFiles, before)
		theirs()
	})
	t.Run("the daemon is down for another reason", func(t *testing.T) {
		host.Run(t, "systemctl", "stop", "docker.socket", "docker.service")
		defer host.Run(t, "systemctl", "start", "docker.socket", "docker.service")
		a := change(t, host, "root", "disable", "--yes")
		assert.Check(t, a.code == 2 && strings.Contains(a.stderr, "not down because of userns-remap"), "%d: %s%s", a.code, a.stdout, a.stderr)
	})
	t.Run("a folder of changes that is not root's alone", func(t *testing.T) {
		host.Shell(t, `mkdir -p /home/op/20261122T210203Z; cd /home/op/20261122T210203Z
			echo '{"verb":"enable","unit":"docker.service","deadline":"2026-11-22T21:02:03Z"}' >manifest.json
			echo 'touch /root/pwned' >change.sh; chown -R op: /home/op/20261122T210203Z; mv /var/lib/docker-userns /root/kept`)
		before := marks(t, host)
		for name, script := range map[string]string{
			"another's":              `mkdir -m 0700 $D; ln -s /home/op/20261122T210203Z $D/pending; chown -h op: $D $D/pending`,
			"open to all":            `mkdir -m 0777 $D; chmod 0777 $D; ln -s /home/op/20261122T210203Z $D/pending`,
			"a link":                 `ln -s /home/op $D`,
			"a link that leaves it":  `mkdir -m 0700 $D; ln -s /home/op/20261122T210203Z $D/pending`,
			"another's change in it": `mkdir -m 0700 $D; cp -a /home/op/20261122T210203Z $D; ln -s $D/20261122T210203Z $D/pending`,
		} {
			host.Shell(t, "D=/var/lib/docker-userns; rm -rf $D; "+script)
			look := docker(t, host, nil, "--context", "root", "userns", "check")
			assert.Check(t, look.code == 1 && strings.Contains(look.stdout, "nothing in it can be trusted") && !strings.Contains(look.stdout, "change.sh"), "%s: %d: %s", name, look.code, look.stdout)
			for _, verb := range []string{"enable", "disable"} {
				a := change(t, host, "root", verb, "--yes")
				assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "nothing in it can be trusted"), "%s: %d: %s%s", name, a.code, a.stdout, a.stderr)
			}
		}
		assert.Equal(t, marks(t, host), before)
		host.Shell(t, "! [ -e /root/pwned ] && rm -rf /var/lib/docker-userns && mv /root/kept /var/lib/docker-userns")
	})
}

// killProbe kills a probe while its container runs, and then its container, which
// leaves its volume behind.
func killProbe(t *testing.T, host *testbed.Host) {
	t.Helper()
	end := startProbe(t, host, "--probe")
	host.Shell(t, `for i in $(seq 600); do [ -z "$(ls /var/lib/docker/*/volumes/*/_data/docker-userns-probe* 2>/dev/null)" ] || exit 0; sleep 0.05; done; exit 1`)
	end(9)
	host.Shell(t, "docker rm -f $(docker ps -q --filter name=docker-userns-probe-)")
	assert.Assert(t, host.Shell(t, "ls /var/lib/docker/*/volumes/*/_data/docker-userns-probe*") != "")
}

// freeze makes a file of the host immutable, from outside, since a host has no
// chattr of its own.
func freeze(t *testing.T, host *testbed.Host, file string) (thaw func()) {
	t.Helper()
	path := filepath.Join("/proc", strconv.Itoa(host.PID()), "root", file)
	if out, err := exec.Command("chattr", "+i", path).CombinedOutput(); err != nil {
		t.Skipf("this file system has no attributes: %s", out)
	}
	thaw = func() { _ = exec.Command("chattr", "-i", path).Run() }
	t.Cleanup(thaw)
	return thaw
}

// A file that could not be restored is noticed before it is changed. If it comes to
// be so later, the undo says so soon, takes back the rest, and nobody is told that
// the host is what it was.
func TestFilesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	mounted := func(_ *testing.T, file string) (open func()) {
		host.Shell(t, "mount --bind "+file+" "+file+" && mount -o remount,bind,ro "+file)
		return func() { host.Run(t, "umount", file) }
	}
	immutable := func(t *testing.T, file string) func() { return freeze(t, host, file) }
	for file, closed := range map[string]func(*testing.T, string) (open func()){
		"/etc/subuid": immutable, "/etc/subgid": mounted, "/etc/shadow": immutable, daemonJSON: mounted,
	} {
		t.Run(file, func(t *testing.T) {
			open := closed(t, file)
			a := change(t, host, "root", "enable", "--yes", "--stable=0s")
			open()
			assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "Nothing was changed") && strings.Contains(a.stdout+a.stderr, file), "%d: %s%s", a.code, a.stdout, a.stderr)
			assert.Equal(t, files(t, host), oldFiles)
			settled(t, host)
		})
	}
	t.Run("a daemon that comes up too late", func(t *testing.T) {
		const dropIn = "/etc/systemd/system/docker.service.d/late.conf"
		host.WriteFile(t, dropIn, []byte("[Service]\nExecStartPre=/bin/sleep 33\n"), 0o644)
		host.Run(t, "systemctl", "daemon-reload")
		a := change(t, host, "root", "enable", "--yes", "--stable=0s", "--confirm-timeout=30s")
		host.Shell(t, "rm -r "+filepath.Dir(dropIn)+"; systemctl daemon-reload")
		assert.Check(t, strings.Contains(a.stderr, "docker.service did not come up within the 30s"), a.stderr)
		undone(t, host, a, oldFiles, oldEngine)
	})
	t.Run("it becomes immutable meanwhile", func(t *testing.T) {
		c := begin(t, host, "enable", "--yes", "--stable=5m")
		c.await("Prove it")
		thaw := freeze(t, host, "/etc/subuid")
		began := time.Now()
		c.interrupt()
		a := c.end()
		assert.Check(t, time.Since(began) < 2*time.Minute, "%s", time.Since(began))
		assert.Check(t, a.code == 3 && !strings.Contains(a.stdout, "rolled back"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Check(t, strings.Contains(a.stderr, "/etc/subuid could not be restored: it is immutable"), a.stderr)
		assert.Equal(t, engine(t, host), oldEngine, "what could be taken back was")
		assert.Equal(t, host.Shell(t, "grep -h dockremap /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/subgid || true"), "")
		thaw()
		host.Shell(t, commandLine.FindStringSubmatch(a.stderr)[1])
		assert.Equal(t, files(t, host), oldFiles)
		settled(t, host)
	})
}
