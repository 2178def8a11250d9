package verify_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// A scene is a remapped engine next to others, with an image "app" of busybox.
type scene struct{ *testengine.Engine }

func newScene(t testing.TB) scene {
	t.Helper()
	s := scene{testengine.Start(t, testengine.Options{Remap: true})}
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs a static busybox to run in a container")
	}
	busybox, err := os.ReadFile(path)
	assert.NilError(t, err)
	layer := imagetest.Layer(imagetest.File{Name: "bin/busybox", Body: string(busybox)})
	archive := imagetest.Archive("app:1", "", imagetest.Step{By: "COPY . /", Layer: layer})
	answer, err := s.Client(t).ImageLoad(t.Context(), strings.NewReader(string(archive)))
	assert.NilError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	assert.NilError(t, err)
	answer.Body.Close()
	return s
}

func (s scene) docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.Docker(args...).CombinedOutput()
	assert.NilError(t, err, "docker %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// run starts a container that sleeps, with more arguments for docker run.
func (s scene) run(t testing.TB, name string, args ...string) (pid int) {
	t.Helper()
	s.docker(t, append(append([]string{"run", "-d", "--network=none", "--stop-signal=KILL", "--name=" + name}, args...), "app:1", "/bin/busybox", "sleep", "600")...)
	pid, err := strconv.Atoi(s.docker(t, "inspect", "-f", "{{.State.Pid}}", name))
	assert.NilError(t, err)
	return pid
}

var remapped = idmap.Single(testengine.Base, testengine.Size)

// counting counts the round trips, but for one about processes that are of no
// container of the engine's: others with the same map may run on this machine.
type counting struct {
	host.Host
	looks atomic.Int32
	// pass is called before each look at processes, with its number.
	pass   func(n int32)
	passes atomic.Int32
}

func (c *counting) Look(ctx context.Context, q host.Questions) (host.Answers, error) {
	if len(q.Files)+len(q.Stats)+len(q.Lines) == 0 {
		return c.Host.Look(ctx, q)
	}
	c.looks.Add(1)
	if len(q.Lines) > 0 && strings.HasSuffix(q.Lines[0].Name, "of threads") {
		if n := c.passes.Add(1); c.pass != nil {
			c.pass(n)
		}
	}
	return c.Host.Look(ctx, q)
}

func (s scene) subject(t testing.TB, h host.Host) verify.Target {
	return verify.Target{Context: "test", Endpoint: s.Host, API: s.Client(t), Host: h}
}

func (s scene) verify(t testing.TB, h host.Host, o verify.Options) map[string]report.Result {
	t.Helper()
	r, err := verify.Run(t.Context(), s.subject(t, h), o)
	assert.NilError(t, err)
	byID := map[string]report.Result{}
	for _, one := range r.Results {
		byID[one.ID] = one
	}
	return byID
}
