package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// impatient is a systemd that gives dockerd less time to stop than a container has
// that does not end by itself: what dockerd leaves behind then goes on.
const impatient = `mkdir -p /etc/systemd/system/docker.service.d
	printf '[Service]\nTimeoutStopSec=4\n' >/etc/systemd/system/docker.service.d/patience.conf
	printf '[Unit]\nRequires=docker.service\nAfter=docker.service\n[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/needsit.service
	printf '[Unit]\nRequires=docker.socket\n[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/needssocket.service
	printf '[Unit]\nRequires=docker.service\nAfter=docker.service\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n' >/etc/systemd/system/waits.service
	systemctl daemon-reload; systemctl start needsit needssocket; systemctl start waits || :`

// dependents are how the units are that need docker or its socket, or hold it up; one
// of them waits to be started again.
func dependents(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `systemctl is-active needsit needssocket waits 'holds\x2dup.service' || :`)
}

const dependentsUp = "active\nactive\nactivating\nactive"

// stubborn starts a container that does not end before it is killed, 12 seconds
// after it was asked to. It writes to a file of the host all the time.
const stubborn = `docker run -d --name=%s --stop-timeout=12 -v /srv/log:/log %s bb sh -c 'trap "" TERM; busybox httpd -h /bin; while :; do echo x >>/log/%s; sleep 1; done' >/dev/null; `

func starts(name, options string) string {
	return strings.NewReplacer("%s bb", options+" bb", "=%s", "="+name, "/log/%s", "/log/"+name).Replace(stubborn)
}

// writes reports whether something still writes to the file of a container.
func writes(t *testing.T, host *testbed.Host, name string) bool {
	t.Helper()
	return host.Shell(t, `before=$(wc -c </srv/log/`+name+`); sleep 2.5; [ "$before" = "$(wc -c </srv/log/`+name+`)" ] || echo yes`) == "yes"
}

// reached asks a container for a page, from the host.
func reached(t *testing.T, host *testbed.Host, address string) {
	t.Helper()
	got := host.Shell(t, "for i in 1 2 3 4 5 6 7 8; do busybox wget -q -T 2 -O - http://"+address+"/busybox 2>/dev/null | head -c 4 | tail -c 3 && exit 0; sleep 1; done; ip route; ip -br link")
	assert.Equal(t, got, "ELF", address)
}

// upholder is a unit, with a name that systemctl shows in quotes, for which systemd
// starts dockerd whenever it is down.
const upholder = `printf '[Unit]\nUpholds=docker.service\n[Service]\nExecStart=/bin/sleep infinity\n' >'/etc/systemd/system/holds\x2dup.service'
	systemctl daemon-reload; systemctl start 'holds\x2dup.service'`

const network = "docker network create --subnet=10.77.0.0/24 app >/dev/null; docker network create -o com.docker.network.bridge.name=mine --subnet=10.78.0.0/24 named >/dev/null; ip link show theirs >/dev/null 2>&1 || ip link add theirs type bridge; docker network create -o com.docker.network.bridge.name=theirs --subnet=10.79.0.0/24 theirs >/dev/null; "

// bridges are those of the kernel.
func bridges(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `cd /sys/class/net; for b in */bridge; do echo "${b%/bridge}"; done | sed 's/^br-............$/br-ID/'`)
}

// forgedShim has an ordinary user start a program that is root's by its setuid bit,
// under the name of a shim that holds a container.
func forgedShim(t *testing.T, host *testbed.Host, id string) {
	t.Helper()
	host.Shell(t, `ln -s "$(command -v su)" /srv/containerd-shim-forged; mkfifo -m 666 /srv/never
		setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'sleep 100000 & exec /srv/containerd-shim-forged root -- -id '`+id+` <>/srv/never >/dev/null 2>&1 &
		for i in $(seq 100); do [ "$(stat -c %u /proc/$(pgrep -x containerd-shim-f || pgrep -x containerd-shim | head -n 1) 2>/dev/null)" = 0 ] && exit 0; sleep 0.1; done; exit 1`)
}

// An outage ends with nothing left of what ran before it: no process that the
// engine does not know, and no bridge that takes the place of one with the same
// subnet. That is so after enable, after disable, and after an undo.
func TestOutage(t *testing.T) {
	for _, name := range []testbed.Engine{testbed.Engine28, testbed.Engine26} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			host := boot(t, name)
			host.Busybox(t, "bb")
			host.Shell(t, impatient+"; "+upholder+"; mkdir -p -m 777 /srv/log; "+network+starts("old", "--network=app --ip=10.77.0.5"))
			reached(t, host, "10.77.0.5")
			old := engine(t, host)

			t.Run("a proof that only a container could give that stays behind", func(t *testing.T) {
				host.Shell(t, `docker run -d --rm --stop-signal=KILL --name=published -p 8080:80 bb busybox httpd -f
					docker run -d --rm --stop-signal=KILL --name=shared --network=host bb busybox httpd -f -p 8081`)
				pid := host.Run(t, "systemctl", "show", "-p", "MainPID", "docker")
				for port, name := range map[string]string{"8080": "published", "8081": "shared"} {
					a := change(t, host, "root", "enable", "--yes", "--health-url=http://localhost:"+port+"/busybox")
					assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "container "+name+" serves port "+port), "%d: %s%s", a.code, a.stdout, a.stderr)
				}
				assert.Equal(t, host.Run(t, "systemctl", "show", "-p", "MainPID", "docker"), pid)
				assert.Equal(t, host.Shell(t, "ls /var/lib/docker-userns 2>/dev/null || true"), "")
				host.Run(t, "docker", "stop", "published", "shared")
			})
			t.Run("enable", func(t *testing.T) {
				forgedShim(t, host, host.Run(t, "docker", "inspect", "-f", "{{.Id}}", "old"))
				a := change(t, host, "root", "enable", "--yes", "--stable=0s")
				assert.Equal(t, a.code, 0, a.stdout+a.stderr)
				assert.Check(t, strings.Contains(a.stdout, "has 12s to stop"), a.stdout)
				assert.Check(t, !writes(t, host, "old"))
				assert.Equal(t, bridges(t, host), "docker0\ntheirs")
				assert.Equal(t, dependents(t, host), dependentsUp)
				host.Busybox(t, "bb")
				host.Shell(t, network+starts("new", "--network=app --ip=10.77.0.6"))
				reached(t, host, "10.77.0.6")
				v := verifyOver(t, host, "root")
				assert.Equal(t, v.of(t, "left-processes").Status, "ok")
			})
			t.Run("disable", func(t *testing.T) {
				a := change(t, host, "root", "disable", "--yes", "--stable=0s")
				assert.Equal(t, a.code, 0, a.stdout+a.stderr)
				assert.Check(t, !writes(t, host, "new"))
				host.Shell(t, "docker start old")
				reached(t, host, "10.77.0.5")
				assert.Equal(t, engine(t, host), old)
			})
			t.Run("undo", func(t *testing.T) {
				host.Shell(t, `echo '{"live-restore": true}' >/etc/docker/daemon.json; systemctl reload docker`)
				oldFiles := files(t, host)
				c := begin(t, host, "enable", "--yes", "--stable=0s", "--soak=3m", "--accept=live-restore")
				c.await("Prove it")
				soaking(t, host)
				assert.Check(t, !writes(t, host, "old"))
				host.Busybox(t, "bb")
				host.Shell(t, "docker rm -f new >/dev/null; docker network rm app named theirs >/dev/null 2>&1; "+network+starts("newer", "--network=app --ip=10.77.0.7"))
				reached(t, host, "10.77.0.7")
				c.interrupt()
				undone(t, host, c.end(), oldFiles, old)
				assert.Check(t, writes(t, host, "old"))
				assert.Check(t, !writes(t, host, "newer"))
				reached(t, host, "10.77.0.5")
				assert.Equal(t, dependents(t, host), dependentsUp)
				assert.Check(t, strings.Contains(host.Run(t, "ip", "-br", "link"), "theirs"))
			})
		})
	}
}

// A container that outlives a switch by hand goes on as root of the host, and the
// engine does not show it: verify, check and enable do.
func TestLeftProcesses(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	host.Busybox(t, "bb")
	host.Shell(t, impatient+"; mkdir -p -m 777 /srv/log; "+starts("old", "--network=none"))
	id := host.Run(t, "docker", "inspect", "-f", "{{.Id}}", "old")
	assert.Equal(t, over(t, host, "root").of(t, "left-processes").Status, "ok")

	// A program of somebody's that is called like a shim and stands where one does is none.
	host.Shell(t, `d=/srv/moby/$(printf %064d 7); mkdir -p -m 755 $d; cp /bin/sleep /srv/containerd-shim-runc-v2
		cd $d; setpriv --reuid=65534 --clear-groups /srv/containerd-shim-runc-v2 1000 >/dev/null 2>&1 &`)

	host.Shell(t, `useradd -r dockremap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 dockremap
		echo '{"userns-remap": "dockremap"}' >/etc/docker/daemon.json; systemctl restart docker`)
	assert.Check(t, writes(t, host, "old"))
	v := verifyOver(t, host, "root").of(t, "left-processes")
	assert.Equal(t, v.Status, "error", v.Message)
	assert.Equal(t, len(v.Details), 1)
	assert.Equal(t, v.Details[0].Name, id[:12])
	assert.Check(t, strings.Contains(v.Details[0].Note, "root on the host"), v.Details[0].Note)

	// It is found although nothing holds it any more. containerd would end what is left, if it knew of it.
	host.Shell(t, "systemctl stop containerd; rm -r /run/containerd/io.containerd.runtime.v2.task/moby/"+id+
		"; kill -9 $(pgrep -f '^/[^ ]*containerd-shim[^ ]* .*-id "+id+"'); systemctl start containerd; systemctl restart docker")
	assert.Check(t, writes(t, host, "old"))
	v = verifyOver(t, host, "root").of(t, "left-processes")
	assert.Equal(t, v.Status, "error", v.Message)
	assert.Equal(t, len(v.Details), 1)
	assert.Check(t, strings.Contains(v.Details[0].Note, "root on the host") && strings.Contains(v.Details[0].Note, "has ended"), v.Details[0].Note)

	// The same the other way round.
	host.Busybox(t, "bb")
	host.Shell(t, starts("new", "--network=none")+"rm /etc/docker/daemon.json; systemctl reset-failed docker; systemctl restart docker")
	assert.Check(t, writes(t, host, "new"))
	c := over(t, host, "root").of(t, "left-processes")
	assert.Equal(t, c.Status, "error", c.Message)
	a := change(t, host, "root", "enable", "--yes")
	assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "left-processes"), "%d: %s%s", a.code, a.stdout, a.stderr)
}
