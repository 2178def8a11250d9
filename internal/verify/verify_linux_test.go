package verify_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// A scene is a remapped engine beside others, with an image "app" of busybox.
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
	s.docker(t, append(append([]string{"run", "-d", "--network=none", "--name=" + name}, args...), "app:1", "/bin/busybox", "sleep", "600")...)
	pid, err := strconv.Atoi(s.docker(t, "inspect", "-f", "{{.State.Pid}}", name))
	assert.NilError(t, err)
	return pid
}

var remapped = idmap.Single(testengine.Base, testengine.Size)

// counting counts the round trips.
type counting struct {
	host.Host
	looks atomic.Int32
	hook  func() // called before each
}

func (c *counting) Look(ctx context.Context, q host.Questions) (host.Answers, error) {
	c.looks.Add(1)
	if c.hook != nil {
		c.hook()
	}
	return c.Host.Look(ctx, q)
}

func (s scene) verify(t testing.TB, h host.Host, o verify.Options) map[string]report.Result {
	t.Helper()
	r, err := verify.Run(t.Context(), verify.Subject{Context: "test", Endpoint: s.Host, API: s.Client(t), Host: h}, o)
	assert.NilError(t, err)
	byID := map[string]report.Result{}
	for _, one := range r.Results {
		byID[one.ID] = one
	}
	return byID
}

// What is right is proven, in one round trip more than a survey takes. That the
// engine's ranges were lent to it for its start is found out.
func TestRemappedEngine(t *testing.T) {
	s := newScene(t)
	dir, err := os.MkdirTemp("", "verify")
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	assert.NilError(t, err)
	t.Cleanup(func() { l.Close() })
	assert.NilError(t, os.Chmod(filepath.Join(dir, "s"), 0o660))
	s.run(t, "web", "--user=1000:1000", "--init", "-v", dir+"/s:/s", "-v", dir+":/d:ro")
	s.docker(t, "exec", "-d", "web", "/bin/busybox", "sleep", "600")
	h := &counting{Host: host.Local()}
	got := s.verify(t, h, verify.Options{Expect: &remapped})
	assert.Check(t, h.looks.Load() <= 4, "%d round trips", h.looks.Load())
	for _, id := range []string{"daemon-answers", "daemon-remapped", "data-root", "data-root-owner", "userns-host", "host-root", "processes"} {
		assert.Check(t, is.Equal(got[id].Status, report.OK), "%s: %s", id, got[id].Message)
	}
	assert.Check(t, is.Equal(got["processes"].Message, "3 processes of 1 container"))
	assert.Check(t, is.Equal(got["map-in-force"].Status, report.Error))
	assert.Check(t, is.Contains(got["map-in-force"].Message, "0:100000:65536 is in force, and the daemon would not start with it again"))
	assert.Check(t, is.Equal(got["sockets"].Status, report.OK), "%v", got["sockets"]) // user 1000 had no right before, either
	assert.Check(t, is.Equal(got["mounts"].Status, report.OK), "%v", got["mounts"])
}
