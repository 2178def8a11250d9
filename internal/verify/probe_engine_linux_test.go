package verify

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// programDir holds the program of the probes, while the tests run.
var programDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if programDir != "" {
		_ = os.RemoveAll(programDir)
	}
	os.Exit(code)
}

// buildProgram builds what runs in the containers, static: a test is not.
var buildProgram = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "probe"); err != nil {
		return "", err
	}
	path := filepath.Join(programDir, "probe")
	cmd := exec.Command("go", "build", "-o", path, "./testdata/probe")
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	return path, cmd.Run()
})

var remapped = idmap.Single(testengine.Base, testengine.Size)

// newProbe is a probe of an engine beside this test, which is removed at its end.
func newProbe(t *testing.T, e *testengine.Engine, m idmap.Map) *Probe {
	t.Helper()
	program, err := buildProgram()
	assert.NilError(t, err)
	p := &Probe{API: e.Client(t), Host: host.Local(), Map: m, program: program}
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
