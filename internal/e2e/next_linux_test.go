package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// dropIn gives dockerd a flag that daemon.json has as a key.
const dropIn = `mkdir -p ${D%/*}; printf '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --log-driver json-file\n' >$D`

// What is judged is the dockerd that a restart starts, not the one that runs: a
// drop-in or an environment file that was written since may keep it from coming up
// again, and its undo as well. Nothing is begun then.
func TestJudgesTheNextStart(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host) // with "log-driver" in daemon.json
	undo := `rm -rf $D /etc/default/docker; [ ! -e /root/default ] || cp -a /root/default /etc/default/docker; systemctl daemon-reload`
	host.Shell(t, "[ ! -e /etc/default/docker ] || cp -a /etc/default/docker /root/default")
	for _, tc := range []struct {
		name, script, id string
		args             []string // of enable
		says             string
		fails            bool // an engine that is restarted by hand does not come up
	}{
		{"a drop-in and the same key", dropIn + `; systemctl daemon-reload`, "config-flags", nil, "--log-driver", true},
		{"a drop-in that systemd has not read", dropIn, "service-next", nil, "daemon-reload", false},
		{"a short flag and the same key", `echo 'DOCKER_OPTS="-Dl debug --host=unix:///run/d.sock"' >/etc/default/docker; sed -i 's/^{/{"log-level": "info",/' $F`, "config-flags", nil, "/etc/default/docker, line 1", false},
		{"another driver by a short flag", `echo 'DOCKER_OPTS="-s overlayfs"' >/etc/default/docker`, "service-next", nil, "-s (/etc/default/docker, line 1)", true},
		{"a driver that is to be pinned too", `echo 'DOCKER_OPTS="-soverlay2"' >/etc/default/docker`, "", []string{"--storage-driver=overlay2"}, "-soverlay2 (/etc/default/docker, line 1)", false},
		{"no environment file", `mkdir -p ${D%/*}; printf '[Service]\nEnvironmentFile=/etc/none\n' >$D; systemctl daemon-reload`, "service-config", nil, "/etc/none", true},
		{"another data root", `sed -i 's|^{|{"data-root": "/srv/other",|' $F`, "service-next", nil, "/srv/other", false},
		{"another daemon.json", `echo '{}' >/srv/d.json; echo 'DOCKER_OPTS="--config-file /srv/d.json"' >/etc/default/docker`, "service-next", nil, "/srv/d.json", false},
		{"a program that others can write", `mkdir -p -m 777 /srv/open; cp /usr/sbin/dockerd /srv/open/dockerd; mkdir -p ${D%/*}
			printf '[Service]\nExecStart=\nExecStart=/srv/open/dockerd -H fd://\n' >$D; systemctl daemon-reload`, "daemon-process", nil, "/srv/open", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := host.Run(t, "cat", daemonJSON)
			defer func() {
				host.WriteFile(t, daemonJSON, []byte(config), 0o640)
				inPlace(t, host, undo)
				if tc.fails {
					suffix, words := restart(t, host)
					assert.Equal(t, suffix+words, "docker", "the host is to be as it was")
				}
			}()
			inPlace(t, host, tc.script)
			before := marks(t, host)
			j := over(t, host, "root")
			if tc.id != "" {
				v := j.of(t, tc.id)
				assert.Check(t, j.code == 1 && v.Status == "error", "%d: %s is %s: %s", j.code, tc.id, v.Status, v.Message)
			}
			a := change(t, host, "root", append([]string{"enable", "--yes"}, tc.args...)...)
			assert.Check(t, a.code == 1 && strings.Contains(a.stderr, tc.id), "%d: %s%s", a.code, a.stdout, a.stderr)
			assert.Check(t, strings.Contains(a.stdout+a.stderr, tc.says), "no %q in %s%s", tc.says, a.stdout, a.stderr)
			assert.Equal(t, marks(t, host), before)
			if tc.fails {
				suffix, _ := restart(t, host)
				assert.Equal(t, suffix, "", "the engine came up")
			}
		})
	}
	t.Run("other flags that go together", func(t *testing.T) {
		host.Shell(t, `echo "DOCKER_OPTS='--log-opt \"tag=a b\" -D'" >/etc/default/docker`)
		v := over(t, host, "root").of(t, "service-next")
		assert.Check(t, v.Status == "warning" && strings.Contains(v.noted("--log-opt=tag=a b"), "added"), "%v", v)
		a := change(t, host, "root", "enable", "--yes", "--stable=1s")
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		assert.Assert(t, strings.Contains(host.Shell(t, `tr '\0' '|' </proc/$(pgrep -x dockerd)/cmdline`), "|--log-opt|tag=a b|-D|"))
		v = over(t, host, "root").of(t, "service-next")
		assert.Equal(t, v.Status, "ok", v.Message)
		must(t, host, "disable", "--yes", "--stable=1s")
	})
	t.Run("remap by a flag", func(t *testing.T) {
		host.Shell(t, `printf '# --userns-remap=dockremap\n\nDOCKER_OPTS=--userns-remap=dockremap\n' >/etc/default/docker`)
		suffix, words := restart(t, host)
		assert.Assert(t, strings.Contains(suffix, "."), "%s%s", suffix, words)
		before := marks(t, host)
		a := change(t, host, "root", "disable", "--yes")
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "(/etc/default/docker, line 3)"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, marks(t, host), before)
		assert.Check(t, strings.Contains(over(t, host, "root").of(t, "config-remap").Message, "/etc/default/docker, line 3"))
	})
}
