package probe

import (
	"strconv"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/probe/probetest"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func TestMain(m *testing.M) { probetest.Main(m) }

var remapped = probetest.Remapped

// newProbe is a probe of an engine next to this test, which is removed at its end.
func newProbe(t *testing.T, e *testengine.Engine, m idmap.Map) *Probe {
	t.Helper()
	p := &Probe{API: e.Client(t), Host: host.Local(), Map: m, Program: probetest.Program(t)}
	t.Cleanup(func() { assert.Check(t, p.Close()) })
	return p
}

// empty asserts that nothing of a probe is left.
func empty(t *testing.T, e *testengine.Engine) {
	t.Helper()
	api := e.Client(t)
	containers, err := api.ContainerList(t.Context(), container.ListOptions{All: true})
	assert.NilError(t, err)
	assert.Equal(t, len(containers), 0)
	volumes, err := api.VolumeList(t.Context(), volume.ListOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(volumes.Volumes), 0)
	images, err := api.ImageList(t.Context(), image.ListOptions{All: true})
	assert.NilError(t, err)
	assert.Equal(t, len(images), 0)
}

func statusByID(results []report.Result) map[string]report.Status {
	all := map[string]report.Status{}
	for _, r := range results {
		all[r.ID] = r.Status
	}
	return all
}

func pidText(pid int) string { return strconv.Itoa(pid) }
