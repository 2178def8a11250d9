package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// probeProofs are what a probe proves, and of which an API alone can prove three.
var probeProofs = map[string]string{
	"probe-map": "ok", "probe-root": "ok", "probe-user": "ok", "probe-volume": "unknown", "probe-bind": "unknown",
}

// things are all containers, volumes and images of the host, and the directories
// that probes make there.
func things(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, "docker ps -aq --no-trunc; docker volume ls -q; docker images -aq --no-trunc; ls /var/lib | grep docker-userns-probe || :")
}

// proven gives the statuses of what a probe has proven, and the whole answer.
func proven(t *testing.T, a answer) map[string]string {
	t.Helper()
	var report struct {
		Results []struct{ ID, Status, Message string }
	}
	assert.NilError(t, json.Unmarshal([]byte(a.stdout), &report), "%d %s%s", a.code, a.stdout, a.stderr)
	got := map[string]string{}
	for _, r := range report.Results {
		if _, ok := probeProofs[r.ID]; ok {
			got[r.ID] = r.Status
			t.Logf("%s is %s: %s", r.ID, r.Status, r.Message)
		}
	}
	return got
}

// A probe proves the ID map on each engine, however it is reached, and with
// nothing but an API as much as that shows. It leaves nothing behind.
func TestProbe(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		host.ServeTLS(t)
		host.Busybox(t, "bb")
		before := things(t, host)
		whole := map[string]string{}
		for id := range probeProofs {
			whole[id] = "ok"
		}
		for _, tc := range []struct {
			context string
			args    []string
			want    map[string]string
		}{
			{"root", nil, whole},
			{"opnp", nil, whole},
			{"root", []string{"--image", "bb"}, whole},
			{"tls", nil, probeProofs},
		} {
			began := time.Now()
			a := docker(t, host, nil, append([]string{"--context", tc.context, "userns", "verify", "--probe", "--format", "json"}, tc.args...)...)
			t.Logf("context %s %v: %v", tc.context, tc.args, time.Since(began).Round(10*time.Millisecond))
			assert.DeepEqual(t, proven(t, a), tc.want)
			assert.Equal(t, things(t, host), before)
		}
	})
}

// A probe that is interrupted cleans up; what one leaves that is killed goes with
// the next.
func TestProbeThatIsEnded(t *testing.T) {
	host := boot(t, testbed.Engine28)
	host.Remap(t, 100000, 65536)
	before := things(t, host)
	for _, seen := range []string{"docker images -q", "docker ps -aq"} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			t.Run(seen+" "+signal.String(), func(t *testing.T) {
				end := startProbe(t, host, "--probe")
				awaitLabelled(t, host, seen)
				end(signal)
				if signal == syscall.SIGKILL {
					assert.Assert(t, things(t, host) != before, "it was killed too late")
					a := docker(t, host, nil, "--context", "root", "userns", "verify", "--probe", "--format", "json")
					assert.Equal(t, proven(t, a)["probe-map"], "ok")
				}
				assert.Equal(t, things(t, host), before)
			})
		}
	}
	t.Run("attempts at sockets", func(t *testing.T) {
		host.Busybox(t, "bb")
		host.Shell(t, `mkdir -p /srv/s; for i in 1 2 3 4 5 6; do docker run -d --network none -v /srv/s:/s bb sleep 1000; done`)
		before := things(t, host)
		end := startProbe(t, host, "--connect")
		awaitLabelled(t, host, "docker ps -aq")
		began := time.Now()
		end(syscall.SIGTERM)
		took := time.Since(began)
		assert.Check(t, took < 10*time.Second, "it went on for %s", took)
		t.Log(took)
		assert.Equal(t, things(t, host), before)
	})
}

// startProbe starts a probe, and gives what ends it.
func startProbe(t *testing.T, host *testbed.Host, flags ...string) (end func(syscall.Signal)) {
	t.Helper()
	args := append([]string{"--context", "root", "userns", "verify"}, flags...)
	cmd := exec.Command(filepath.Join(host.ConfigDir(), "cli-plugins", "docker-userns"), args...)
	cmd.Env = host.Env()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	assert.NilError(t, cmd.Start())
	return func(signal syscall.Signal) {
		assert.NilError(t, cmd.Process.Signal(signal))
		hung := time.AfterFunc(hangs, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		assert.Assert(t, hung.Stop(), "hung")
		assert.Assert(t, err != nil, "it ended before it was to: %s", said.String())
		t.Logf("%v: %s", err, said.String())
	}
}

// awaitLabelled waits until the host has something that a probe made.
func awaitLabelled(t *testing.T, host *testbed.Host, list string) {
	t.Helper()
	host.Shell(t, `for i in $(seq 600); do [ -z "$(`+list+` --filter label=io.docker-userns.probe)" ] || exit 0; sleep 0.05; done; exit 1`)
}
