package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// postgres is what a container runs that looks at owner and mode of its data, as
// PostgreSQL does: "wrong ownership", "invalid permissions".
const postgres = `[ "$(stat -c '%u %a' /data)" = "$(id -u) 700" ] || { echo "wrong ownership or invalid permissions: $(stat -c '%u %a' /data)" >&2; exit 1; }
	cat /data/version && touch /data/written && sleep 100000`

// never are places that a container may mount and that nobody is to be given
// rights to.
var never = []string{
	"/", "/etc", "/etc/ssh", "/root", "/root/.ssh", "/home", "/home/alice", "/home/alice/.ssh", "/srv/people/bob", "/srv/people",
	"/var", "/var/lib", "/var/lib/docker", "/var/lib/docker/volumes", "/var/lib/docker/volumes/kept/_data", "/var/lib/containerd", "/var/lib/docker-userns",
	"/var/spool/cron", "/var/spool/cron/crontabs", "/run", "/var/run", "/run/systemd", "/run/systemd/private", "/run/containerd",
	"/run/containerd/containerd.sock", "/run/docker.sock", "/run/user", "/usr/local/bin", "/srv", "/opt/shop", "/opt/containerd", "/dev", "/proc", "/sys",
	"/srv/settings", "/srv/link", "/srv/link/ssh", "/srv/engine", "/srv/engine/volumes", "/srv/app/.ssh", "/srv/open/data", "/srv/linked", "/srv/holds", "/srv/root.sock",
}

// A host with what people mount, and what should never have been.
func hostOfMounts(t *testing.T) *testbed.Host {
	t.Helper()
	host := boot(t, testbed.Engine28)
	host.Busybox(t, "bb")
	host.Shell(t, `
		useradd --create-home --shell /bin/sh alice
		useradd --home-dir /people/bob bob; mkdir -p /srv/people/bob; ln -s /srv/people /people; chown bob /srv/people/bob; chmod 700 /srv/people/bob
		: >/etc/subuid; : >/etc/subgid
		mkdir -p -m 700 /root/.ssh /home/alice/.ssh /var/spool/cron/crontabs /srv/app/.ssh /var/lib/docker-userns
		chown -R alice /home/alice/.ssh; chmod 700 /home/alice
		mkdir -p /srv/settings /srv/engine/volumes /opt/shop /opt/containerd /run/user; : >/srv/engine/volumes/metadata.db
		mount --bind /etc /srv/settings; ln -s /etc /srv/link
		mkdir -p /srv/open/data /srv/linked /srv/holds; chmod 1777 /srv/open; : >/srv/linked/a; ln /srv/linked/a /srv/a; : >/srv/holds/.bashrc
		python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/srv/root.sock")' 2>/dev/null || perl -MSocket -e 'socket(S,PF_UNIX,SOCK_STREAM,0); bind(S,sockaddr_un("/srv/root.sock"))'
		chmod 600 /srv/root.sock
		mkdir -m 700 /srv/pg; echo 15 >/srv/pg/version; chmod 600 /srv/pg/version; chown -R 999:999 /srv/pg
		mkdir /srv/www; echo hello >/srv/www/index; ln -s /etc/shadow /srv/www/shadow
		mkdir -p /srv/site/releases/7; ln -s releases/7 /srv/site/current; ln -s loop /srv/loop
		ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime; mkdir -p /usr/share/zoneinfo/Etc; [ -e /etc/localtime ] || : >/usr/share/zoneinfo/Etc/UTC
		docker volume create kept`)
	return host
}

// Commands that are printed for mounts help the containers that need them, do
// nothing before their time, and never give anybody a right to what is not the
// container's own.
func TestMountsAreMendedSafely(t *testing.T) {
	host := hostOfMounts(t)
	mounts := []string{"-v", "/srv/site/current:/current", "-v", "/etc/localtime:/etc/localtime:ro"}
	for _, place := range never {
		mounts = append(mounts, "--mount", "type=bind,source="+place+",target=/mnt"+place)
	}
	onHost(t, host, append(append([]string{"create", "--network=none", "--name=greedy"}, mounts...), "bb", "sleep", "1")...)
	onHost(t, host, "create", "--network=none", "--name=groping", "--mount", "type=bind,source=/srv,target=/s", "bb", "sleep", "1")
	start := func() {
		onHost(t, host, "run", "-d", "--network=none", "--stop-signal=KILL", "--name=pg", "--user=999:999", "-v", "/srv/pg:/data", "bb", "sh", "-c", postgres)
		onHost(t, host, "run", "-d", "--network=none", "--stop-signal=KILL", "--name=web", "-v", "/srv/www:/www", "bb", "sh", "-c", "echo more >/www/more; cat /www/index && sleep 100000")
	}
	up := func(name string) bool {
		return host.Shell(t, `sleep 1; docker inspect -f '{{.State.Running}}' `+name) == "true"
	}
	start()
	assert.Assert(t, up("pg") && up("web"))
	rights := func() string {
		return host.Shell(t, `for f in /root /root/.ssh /home /home/alice /home/alice/.ssh /etc /etc/shadow /srv /srv/people /srv/people/bob /var/lib /var/lib/docker /var/lib/docker/volumes \
			/run /run/containerd /run/containerd/containerd.sock /run/docker.sock /run/systemd /var/spool/cron/crontabs /srv/engine /srv/linked /srv/a /srv/holds /srv/open/data /opt/shop; do
			stat -c '%n %a %u %g' "$f"; ! command -v getfacl >/dev/null || getfacl -pn "$f"; done`)
	}
	before, started := rights(), host.Shell(t, `docker inspect -f '{{.State.StartedAt}}' pg web`)
	run := func(fix []string) {
		t.Helper()
		for _, command := range fix {
			a := ask(t, host.Command("sh", "-c", command))
			assert.Equal(t, a.code, 0, "%s\n%s", command, a.stderr)
		}
	}

	j := over(t, host, "root")
	files, sockets := j.of(t, "impact-bind-mounts"), j.of(t, "impact-sockets")
	for _, place := range never {
		for _, command := range append(files.Fix, sockets.Fix...) {
			assert.Check(t, !strings.HasSuffix(strings.TrimSuffix(command, "; fi"), " "+place), "%s", command)
		}
	}
	assert.DeepEqual(t, sockets.Fix, []string{})
	assert.Assert(t, is.Len(files.Fix, 4), "%v", files.Fix) // of pg there and back
	for _, one := range []string{"sudo setfacl -RP -m u:100000:rwX -- /srv/www", "sudo setfacl -RP -m u:100000:rwX -- /srv/site/releases/7"} {
		assert.Check(t, is.Contains(files.Fix, one))
	}
	assert.Check(t, is.Contains(files.noted("pg: /srv/pg"), "stop pg first"))
	for _, link := range []string{"greedy: /etc/localtime", "greedy: /srv/site/current"} {
		assert.Check(t, !strings.Contains(files.noted(link), "symbolic links"), files.noted(link))
	}
	docker := j.of(t, "impact-docker-socket").noted("greedy")
	for _, source := range []string{"/ at /mnt, with", "/run at /mnt/run, with /run/containerd/containerd.sock", "/var/run at", "/run/containerd at", "/run/docker.sock at"} {
		assert.Check(t, strings.Contains(docker, source), "%s: %s", source, docker)
	}

	host.Shell(t, "mv $(command -v setfacl) /root/setfacl")
	assert.Equal(t, over(t, host, "root").of(t, "impact-bind-mounts").Fix[0], "sudo apt-get install acl")
	host.Shell(t, "mv /root/setfacl /usr/bin/setfacl")

	run(files.Fix)
	assert.Assert(t, up("pg"), "a command that was pasted too early broke it")
	assert.Equal(t, host.Shell(t, `docker inspect -f '{{.State.StartedAt}}' pg web`), started)

	host.Remap(t, 100000, 65536)
	host.Busybox(t, "bb")
	start()
	assert.Assert(t, !up("pg"), "it needed no mending")
	onHost(t, host, "rm", "-f", "pg")
	onHost(t, host, "run", "-d", "--network=none", "--stop-signal=KILL", "--name=pg", "--user=999:999", "-v", "/srv/pg:/data", "bb", "sleep", "100000")
	assert.DeepEqual(t, verifyOver(t, host, "root").of(t, "mounts").Fix, over(t, host, "root").of(t, "impact-bind-mounts").Fix)
	onHost(t, host, "rm", "-f", "pg", "web")
	run(files.Fix)
	start()
	assert.Assert(t, up("pg") && up("web"), "%s", host.Shell(t, "docker logs pg 2>&1; docker logs web 2>&1"))
	assert.Equal(t, host.Shell(t, "docker exec pg stat -c '%u %a' /data"), "999 700")
	assert.Equal(t, verifyOver(t, host, "root").of(t, "mounts").Status, "ok")

	onHost(t, host, "run", "-d", "--network=none", "--stop-signal=KILL", "--name=agent", "-v", "/run:/run:ro", "-v", "/var/run:/var/run", "-v", "/:/rootfs:ro", "bb", "sleep", "100000")
	v := verifyOver(t, host, "root", "--connect").of(t, "sockets-connect")
	assert.Check(t, v.Status == "skipped" && is.Len(v.Details, 3)().Success() && strings.Contains(v.noted("agent: /run"), "are not tested"), "%v", v)

	onHost(t, host, "rm", "-f", "pg", "web", "agent")
	host.Shell(t, "rm /etc/docker/daemon.json; systemctl restart docker.service; docker rm -f pg web")
	run(files.Fix)
	start()
	assert.Assert(t, up("pg") && up("web"), "after the rollback: %s", host.Shell(t, "docker logs pg 2>&1; stat /srv/pg"))
	assert.Equal(t, host.Shell(t, "stat -c '%u:%g %a' /srv/pg /srv/pg/version"), "999:999 700\n999:999 600")
	assert.Equal(t, rights(), before)
}
