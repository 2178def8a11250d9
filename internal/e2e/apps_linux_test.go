package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// application is a server on the host's own localhost and on a unix socket, which
// says what stands in a file.
const application = `
use strict; use IO::Socket::INET; use IO::Socket::UNIX;
my @l = (IO::Socket::INET->new(LocalAddr => "127.0.0.1:8080", Listen => 5, ReuseAddr => 1) // die,
	IO::Socket::UNIX->new(Local => "/run/proxy.sock", Listen => 5) // die);
sub serve { my $s = shift; while (my $c = $s->accept) {
	my $line = <$c> // ""; while (my $h = <$c>) { last if $h =~ /^\r?$/ }
	open my $f, "<", "/run/health.json"; my $body = join "", <$f>;
	print $c "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n$body"; close $c } }
if (my $pid = fork) { serve($l[0]) } else { serve($l[1]) }
`

const profile = `
version: 1
health:
- {url: "http://localhost:8080/health", expr: .docker == "healthy" and .container_system.warm_pool_size > 0}
- {url: "unix:///run/proxy.sock:/health", expr: .docker == "healthy"}
commands:
- {container: workspace, run: echo hello >/workspace/f && cat /workspace/f, stdout: ^hello$}
- {image: bb, user: "1000:1000", run: [id, -u], stdout: ^1000$}
sockets:
- {address: /run/proxy.sock}
- {address: /proxy.sock, container: workspace}
- {address: "localhost:8080"}
starts: {count: 3, p95: 1m}
`

// The applications of a remote host are asked where they are: its localhost, its
// sockets, its containers.
func TestApplicationsOfARemoteHost(t *testing.T) {
	host := boot(t, testbed.Engine28)
	host.Remap(t, 100000, 65536)
	host.Busybox(t, "bb")
	health := func(text string) { host.WriteFile(t, "/run/health.json", []byte(text), 0o644) }
	health(`{"docker": "healthy", "container_system": {"warm_pool_size": 2}}`)
	host.WriteFile(t, "/run/app.pl", []byte(application), 0o644)
	host.Run(t, "systemd-run", "--unit=app", "perl", "/run/app.pl")
	host.Shell(t, "for i in $(seq 100); do [ -S /run/proxy.sock ] && exit 0; sleep 0.1; done; exit 1")
	host.Run(t, "chmod", "0666", "/run/proxy.sock")
	host.Docker(t, "--context", "unix", "run", "-d", "--network=none", "--name=workspace", "--user=1000:1000", "--tmpfs=/workspace:uid=1000",
		"-v", "/run/proxy.sock:/proxy.sock", "bb", "sleep", "1000")
	before := things(t, host)
	path := filepath.Join(t.TempDir(), "profile.yaml")
	assert.NilError(t, os.WriteFile(path, []byte(profile), 0o644))
	look := func(want map[string]string) {
		t.Helper()
		a := docker(t, host, nil, "--context", "opnp", "userns", "verify", "--profile", path, "--format", "json")
		var report struct {
			Results []struct{ ID, Category, Status, Message string }
		}
		assert.NilError(t, json.Unmarshal([]byte(a.stdout), &report), "%s%s", a.stdout, a.stderr)
		got := map[string]string{}
		for _, r := range report.Results {
			if r.Category == "applications" {
				got[r.ID] = r.Status
				t.Logf("%s is %s: %s", r.ID, r.Status, r.Message)
			}
		}
		assert.DeepEqual(t, got, want)
		assert.Equal(t, things(t, host), before)
	}
	look(map[string]string{"app-health": "ok", "app-commands": "ok", "app-sockets": "ok", "app-starts": "ok"})
	health(`{"docker": "degraded", "container_system": {"warm_pool_size": 2}}`)
	host.Run(t, "chmod", "0600", "/run/proxy.sock")
	look(map[string]string{"app-health": "error", "app-commands": "ok", "app-sockets": "error", "app-starts": "ok"})
	host.Run(t, "systemctl", "stop", "app")
	look(map[string]string{"app-health": "error", "app-commands": "ok", "app-sockets": "error", "app-starts": "ok"})
}
