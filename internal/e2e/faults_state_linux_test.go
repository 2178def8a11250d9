package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/testbed"
	"gotest.tools/v3/assert"
)

// carried holds that all is in the remapped engine that was in the old one.
func (f fault) carried(t *testing.T, host *testbed.Host, old string) {
	t.Helper()
	if f.engine == testbed.Engine29 {
		assert.Equal(t, host.Shell(t, "docker volume ls -q; docker network ls -q --filter name=front | wc -l"), "data\n1")
		return
	}
	assert.DeepEqual(t, f.listed(engine(t, host))[1:], f.listed(old)[1:])
}

// written holds that what was written with remap on is there without it.
func (f fault) written(t *testing.T, host *testbed.Host) {
	t.Helper()
	assert.Equal(t, host.Shell(t, "docker exec web sh -c 'cat /since /data/since; stat -c %u /since'; stat -c %u "+oldRoot+"/volumes/data/_data/since"), "since\nsince\n0\n0")
}

// inodes are the files of the data root without remap, by what rename(2) does not change.
func inodes(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, "cd "+oldRoot+" && find image overlay2 containers volumes network -printf '%p %i %m %U %G %s\\n' 2>/dev/null | grep -v '/work/work\\|metadata.db\\|local-kv.db' | sort | sha256sum")
}

// listed are the lines of an engine. A boot starts no container without a restart policy,
// unless it undoes a change.
func (f fault) listed(engine string) []string {
	settled := f.step == "copy" || f.step == "keep"
	return slices.DeleteFunc(strings.Split(engine, "\n"), func(line string) bool {
		return settled && (f.kind == "reboot" || f.kind == "power") && line == "running once"
	})
}

// slowFinish gives the last pass of a copy something to do: a file that is written when the
// daemon has stopped.
func slowFinish(t *testing.T, host *testbed.Host, root string) {
	t.Helper()
	atMoment(t, host, "ExecStopPost", "cd "+root+"/volumes/data/_data && [ ! -e /srv/once ] && touch /srv/once && dd if=/dev/urandom of=big bs=1M count=150 status=none; :")
}

// awaitFinish waits until the last pass of the newest change has begun.
func awaitFinish(t *testing.T, host *testbed.Host, before string) {
	t.Helper()
	host.Shell(t, "for i in $(seq 600); do [ \"$(ls /var/lib/docker-userns/*/placing 2>/dev/null)\" != '"+before+"' ] && exit; sleep 0.05; done; exit 1")
}

// settledNow reports whether nothing is armed any more and the daemon is up.
func settledNow(t *testing.T, host *testbed.Host) bool {
	return host.Shell(t, `if [ -h /var/lib/docker-userns/pending ] || ls -d /etc/systemd/system/*docker-userns* >/dev/null 2>&1 ||
		[ -n "$(systemctl list-units --plain --no-legend 'docker-userns*')" ] || ! systemctl -q is-active docker || ! docker info >/dev/null 2>&1; then echo no; else echo yes; fi`) == "yes"
}

// verdictOf is what the newest change ended with.
func verdictOf(t *testing.T, host *testbed.Host) string {
	return host.Shell(t, `readlink "$(ls -d /var/lib/docker-userns/2* | tail -n 1)/verdict" || true`)
}

// mounts has containers that mount something of the host, if the change carries containers,
// and gives its owners.
func (f fault) mounts(t *testing.T, host *testbed.Host) string {
	if (f.verb == "carry" || f.verb == "back") && f.engine != testbed.Engine29 {
		mounting(t, host)
	}
	return owners(t, host)
}
