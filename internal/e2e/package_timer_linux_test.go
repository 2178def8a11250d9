package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

const (
	timer   = "docker-userns-verify.timer"
	service = "docker-userns-verify.service"
	metrics = "/var/lib/prometheus/node-exporter/docker-userns.prom"
)

var looked = regexp.MustCompile(`(?m)^(docker_userns_looked_timestamp_seconds\{.*\}) .*$`)

// looks starts the service once, as the timer does, and gives its exit status and the
// metrics, but for the time.
func looks(t *testing.T, host *testbed.Host) (status, text string) {
	t.Helper()
	host.Shell(t, "systemctl reset-failed "+service+"; rm -f "+metrics+"; systemctl start "+service+" || true")
	return host.Run(t, "systemctl", "show", "--property=ExecMainStatus", "--value", service), untimed(host.Run(t, "cat", metrics))
}

func untimed(text string) string { return looked.ReplaceAllString(text, "$1 TIME") }

// The package's timer is off until somebody enables it. Then it writes what root's own
// verify finds, drift too, and nothing of it stays once the package is removed.
func TestPackageTimer(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	host.Remap(t, 100000, 65536)
	host.Busybox(t, "bb")
	dpkgInstall(t, host, 0)
	units := `systemctl list-units --all --plain --no-legend 'docker-userns*'; find /etc/systemd -name 'docker-userns*'`
	assert.Equal(t, host.Shell(t, units), "")
	assert.Equal(t, host.Shell(t, "systemctl is-enabled "+timer+" || true"), "disabled")
	assert.Equal(t, host.Shell(t, "systemd-analyze verify --man=no "+timer+" "+service+" 2>&1"), "")

	// What only root can look at: a folder in one that its owner alone may enter.
	host.Shell(t, `mkdir -p /var/lib/prometheus/node-exporter /srv/private/data; chmod 700 /srv/private; chown -R 1000:1000 /srv/private
		mkdir /etc/systemd/system/`+timer+`.d /etc/systemd/system/`+service+`.d
		printf '[Timer]\nOnActiveSec=1\nRandomizedDelaySec=0\nAccuracySec=100ms\n' >/etc/systemd/system/`+timer+`.d/soon.conf
		printf '[Service]\nExecStartPre=sh -c "readlink /proc/self/ns/mnt >/run/seen-by-verify"\n' >/etc/systemd/system/`+service+`.d/see.conf
		systemctl daemon-reload`)
	container(t, host, "web", "--user=1000:1000", "--volume=/srv/private/data:/data:ro")
	host.Run(t, "systemctl", "enable", "--now", timer)
	host.Shell(t, "for i in $(seq 600); do [ ! -e "+metrics+" ] || exit 0; sleep .1; done; exit 1")
	host.Shell(t, "rm -r /etc/systemd/system/"+timer+".d; systemctl daemon-reload")
	assert.Equal(t, host.Run(t, "cat", "/run/seen-by-verify"), host.Run(t, "readlink", "/proc/1/ns/mnt"), "verify has to see what dockerd sees")
	assert.Equal(t, host.Run(t, "stat", "-c", "%U:%G %a", metrics), "root:root 644")

	own := func() string {
		return untimed(ask(t, host.Command("docker", "userns", "verify", "--format=prometheus")).stdout)
	}
	has := func(text, id, status string) {
		t.Helper()
		assert.Assert(t, strings.Contains(text, `id="`+id+`",status="`+status+`"} 1`), text)
	}
	_, text := looks(t, host)
	assert.Equal(t, text+"\n", own())
	wellFormed(t, host.Run(t, "cat", metrics)+"\n")
	has(text, "map-in-force", "ok")
	has(text, "userns-host", "ok")

	container(t, host, "stays", "--userns=host")
	_, text = looks(t, host)
	assert.Equal(t, text+"\n", own())
	has(text, "userns-host", "warning")
	host.WriteFile(t, "/etc/subuid", []byte("dockremap:100000:1000\n"), 0o644)
	status, text := looks(t, host)
	assert.Equal(t, status, "1")
	assert.Equal(t, text+"\n", own())
	has(text, "map-in-force", "error")

	host.Shell(t, "mkdir -p /var/lib/docker-userns; ln -s nowhere /var/lib/docker-userns/pending; rm "+metrics+"; systemctl start "+service+"; [ ! -e "+metrics+" ]; rm /var/lib/docker-userns/pending")

	// As the reference says, for a node_exporter that reads another user's folder.
	host.Shell(t, `mkdir /srv/metrics; chown daemon /srv/metrics
		printf '[Service]\nEnvironment=TEXTFILES=/srv/metrics\nCapabilityBoundingSet=CAP_DAC_OVERRIDE\n' >/etc/systemd/system/`+service+`.d/see.conf
		systemctl daemon-reload; systemctl reset-failed `+service+`; systemctl start `+service+` || true; [ -s /srv/metrics/docker-userns.prom ]
		rm /etc/systemd/system/`+service+`.d/see.conf; systemctl daemon-reload`)

	dpkgInstall(t, host, 1)
	assert.Equal(t, host.Shell(t, "systemctl is-enabled "+timer+"; systemctl is-active "+timer), "enabled\nactive")
	looks(t, host)
	host.Shell(t, "rm -r /etc/systemd/system/"+service+".d")
	host.Run(t, "dpkg", "--remove", "docker-userns-plugin")
	assert.Equal(t, host.Shell(t, units+"; ls "+metrics+" 2>/dev/null || true"), "")
}

// wellFormed holds metrics to what promtool says of them.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Log("not checked: promtool is missing")
		return
	}
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	said, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s\n%s", said, text)
}
