package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// An engine that no longer speaks this program's API version runs all the same: it is
// not taken for one that is down, which would let disable change its files.
func TestAnEngineThatWantsALaterClient(t *testing.T) {
	host := boot(t, testbed.Engine29)
	host.WriteFile(t, daemonJSON, []byte(`{"min-api-version": "1.52"}`), 0o644)
	host.Shell(t, "systemctl restart docker")
	before := files(t, host)

	v := over(t, host, "root").of(t, "daemon-answers")
	assert.Equal(t, v.Status, "error")
	for _, want := range []string{"refuses the API version", "1.52", "min-api-version"} {
		assert.Assert(t, strings.Contains(v.Message, want), v.Message)
	}
	for _, verb := range []string{"enable", "disable"} {
		a := change(t, host, "root", verb, "--yes")
		assert.Assert(t, a.code == 1 || a.code == 2, "%s: %d %s%s", verb, a.code, a.stdout, a.stderr)
		assert.Assert(t, strings.Contains(a.stderr, "1.52"), "%s: %s", verb, a.stderr)
	}
	assert.Equal(t, files(t, host), before)
}
