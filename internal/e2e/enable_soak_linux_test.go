package e2e

import (
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// While a change soaks it is undone for each of the signs that the runbook names,
// as they are seen on the host, and stays if there is none.
func TestEnableSoaks(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	health := func(text string) {
		host.WriteFile(t, "/run/health.new", []byte(text), 0o644)
		host.Run(t, "mv", "/run/health.new", "/run/health.json")
	}
	good := func() { health(`{"docker": "healthy", "container_system": {"warm_pool_size": 2}}`) }
	good()
	host.WriteFile(t, "/run/app.pl", []byte(application), 0o644)
	host.Run(t, "systemd-run", "--unit=app", "perl", "/run/app.pl")
	host.Shell(t, "for i in $(seq 100); do [ -S /run/proxy.sock ] && exit 0; sleep 0.1; done; exit 1")
	oldFiles, oldEngine := files(t, host), engine(t, host)
	healthy := []string{"--health-url=http://localhost:8080/health", `--health-expr=.docker == "healthy" and .container_system.warm_pool_size > 0`}
	for _, tc := range []struct {
		name, says string
		args       []string
		breaks     func() (mend func())
	}{
		{"the health endpoint turns bad", "the health endpoint is bad, 3 times in a row", healthy, func() func() {
			health(`{"docker": "healthy", "container_system": {"warm_pool_size": 0}}`)
			return good
		}},
		{"the socket goes away", "the socket does not answer, 3 times in a row", []string{"--probe-socket=/run/proxy.sock"}, func() func() {
			host.Run(t, "mv", "/run/proxy.sock", "/run/gone.sock")
			return func() { host.Run(t, "mv", "/run/gone.sock", "/run/proxy.sock") }
		}},
		{"containers do not start", "containers do not start, 3 times in a row", nil, func() func() {
			return host.FillDisk(t)
		}},
		{"containers start slowly", "containers start slowly", []string{"--start-p95=1ms"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := begin(t, host, append([]string{"enable", "--yes", "--stable=0s", "--soak=3m"}, tc.args...)...)
			if tc.breaks != nil {
				c.await("Prove it")
				soaking(t, host)
				mend := sync.OnceFunc(tc.breaks())
				defer mend()
				c.await("Undoing the change")
				mend()
			}
			a := c.end()
			assert.Check(t, strings.Contains(a.stderr, tc.says), "no %q in %s", tc.says, a.stderr)
			undone(t, host, a, oldFiles, oldEngine)
		})
	}
	t.Run("nothing bad", func(t *testing.T) {
		a := change(t, host, "root", append([]string{"enable", "--yes", "--stable=0s", "--soak=12s", "--probe-socket=/run/proxy.sock"}, healthy...)...)
		assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
		assert.Equal(t, verdictOf(t, host), "kept")
		isOn := strings.Contains(engine(t, host), "name=userns")
		assert.Check(t, isOn)
		settled(t, host)
	})
}

// soaking waits until the proof itself is over: the new daemon has started one
// probe for it, and one that soaks.
func soaking(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.Shell(t, `for i in $(seq 200); do
		n=$(docker events --since 1 --until "$(date +%s)" --filter event=start --filter label=io.docker-userns.probe 2>/dev/null | wc -l)
		[ "$n" -lt 2 ] || exit 0
		sleep 0.3
	done; exit 1`)
}
