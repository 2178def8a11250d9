package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// mounting has containers that need rights to what they mount: to write in a folder of their
// own user, to a database that looks at its owner and mode, and to a key that only root may
// read. The last one mounts what nobody gets rights to.
func mounting(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.Shell(t, `mkdir -p /srv/site/sub /srv/site/private /srv/db/base /srv/keys /root/secret
		echo page >/srv/site/page; chown -R 33:33 /srv/site; chmod 751 /srv/site/private; ln -s /etc/shadow /srv/site/link
		echo row >/srv/db/base/1; chown -R 999:999 /srv/db; chmod -R go= /srv/db
		echo key >/srv/keys/tls; chmod 600 /srv/keys/tls; echo no >/root/secret/f; chmod 700 /root/secret
		run() { name=$1; shift; docker run -d --stop-signal=KILL --network=none --name=$name "$@"; }
		run site -u 33:33 -v /srv/site:/srv bb sh -c 'echo started >>/srv/page || exit 1; sleep 100000'
		run db -u 999:999 -v /srv/db:/data bb sh -c '[ "$(stat -c "%u %a" /data)" = "999 700" ] && cat /data/base/1 && umask 077 && echo row >>/data/base/new || exit 1; sleep 100000'
		run tls -v /srv/keys/tls:/tls:ro bb sh -c 'cat /tls || exit 1; sleep 100000'
		run odd -v /root/secret:/secret:ro bb sh -c 'sleep 100000'`)
}

// owners are the owners, modes and ACLs of what the containers mount.
func owners(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `find /srv/site /srv/db /srv/keys /root/secret -exec stat -c '%n %u:%g %a' {} + 2>/dev/null | sort; getfacl -Rpn /srv/site /srv/db /srv/keys /root/secret 2>/dev/null | grep -A9 ACCESS || true
		for f in $(find /srv/site /srv/db /srv/keys); do getfattr -hd -m - $f 2>/dev/null || true; done`)
}

const running = "docker ps --format '{{.Names}}' | grep -xE 'db|odd|site|tls' | sort | xargs"

// With --grant, containers go on using what they mount, under the users that they are mapped
// to, and disable takes the rights back, with the owners of what was written meanwhile.
func TestGrant(t *testing.T) {
	testbed.Need(t)
	t.Parallel()
	host := boot(t, testbed.Engine28)
	stored(t, host)
	mounting(t, host)
	before := owners(t, host)

	a := change(t, host, "root", "enable", "--carry", "--yes", "--stable=0s")
	assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "ran before, and is exited with code 1"), "without rights: %d %s%s", a.code, a.stdout, a.stderr)
	settled(t, host)
	assert.Equal(t, owners(t, host), before)

	args := []string{"enable", "--carry", "--grant", "--stable=0s"}
	plan := change(t, host, "root", append(args, "--dry-run")...)
	assert.Equal(t, plan.code, 0, "%s%s", plan.stdout, plan.stderr)
	for _, want := range []string{"/srv/site (5 files): user 165569 gets rwx by an ACL entry", "/srv/db (4 files): owners become the mapped users", "/srv/keys/tls (1 file): owners become", "odd: /root/secret: "} {
		assert.Check(t, strings.Contains(strings.Join(strings.Fields(plan.stdout), " "), want), "no %q in:\n%s", want, plan.stdout)
	}
	assert.Equal(t, owners(t, host), before)

	a = change(t, host, "root", append(args, "--yes")...)
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	settled(t, host)
	assert.Equal(t, host.Shell(t, running), "db odd site tls")
	assert.Equal(t, host.Shell(t, `stat -c %u:%g /srv/db /srv/db/base/new /srv/keys/tls /srv/site/page; tail -n 1 /srv/site/page; stat -c %u /etc/shadow; ls /var/lib/docker-userns/*/program 2>/dev/null || true`),
		"166535:166535\n166535:166535\n165536:165536\n33:33\nstarted\n0")
	host.Shell(t, "docker exec site sh -c 'umask 077; echo mine >/srv/mine; echo more >/srv/sub/more'")
	v := verifyOver(t, host, "root")
	assert.Check(t, strings.Contains(v.of(t, "mounts").Message, "1 mounted path"), "only /root/secret: %v", v.of(t, "mounts"))

	a = change(t, host, "root", "disable", "--no-restart", "--yes")
	assert.Check(t, a.code != 0 && strings.Contains(a.stderr, "/srv/site"), "%d %s%s", a.code, a.stdout, a.stderr)
	a = change(t, host, "root", "disable", "--yes", "--stable=0s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	settled(t, host)
	assert.Equal(t, host.Shell(t, running), "db odd site tls")
	assert.Equal(t, host.Shell(t, `stat -c '%n %u:%g %a' /srv/site/mine /srv/site/sub/more /srv/db/base/new; rm /srv/site/mine /srv/site/sub/more`),
		"/srv/site/mine 33:33 600\n/srv/site/sub/more 33:33 600\n/srv/db/base/new 999:999 600")
	assert.Equal(t, owners(t, host), before)
}
