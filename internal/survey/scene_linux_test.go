package survey_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// A scene is an engine with two containers made of one image, whose user is
// "app", 1000:1001, and in the group staff, 50. "web" runs, "job" never ran.
type scene struct {
	*testengine.Engine
	dir string // what web mounts is in it
}

func newScene(t *testing.T, o testengine.Options) scene {
	t.Helper()
	s := scene{testengine.Start(t, o), shared(t)}
	s.load(t)
	assert.NilError(t, os.Mkdir(filepath.Join(s.dir, "data"), 0o750))
	assert.NilError(t, os.Chown(filepath.Join(s.dir, "data"), 1000, 70001))
	icmd.RunCommand("setfacl", "-m", "u:101000:rwx", filepath.Join(s.dir, "data")) // if there is such a thing
	assert.NilError(t, os.Symlink("data", filepath.Join(s.dir, "link")))
	l, err := net.Listen("unix", filepath.Join(s.dir, "it's a\nsock"))
	assert.NilError(t, err)
	t.Cleanup(func() { l.Close() })
	s.docker(t, "run", "-d", "--network=none", "--name=web", "--uts=host", "--tmpfs=/scratch:uid=1000", "--group-add=77",
		"-v", s.dir+"/data:/data:ro", "-v", s.dir+"/link:/link", "--mount", `type=bind,"source=`+s.dir+"/it's a\nsock"+`",target=/sock`,
		"-v", "kept:/kept", "--label=com.docker.compose.project=shop", "app:1", "/bin/busybox", "sleep", "600")
	s.docker(t, "create", "--network=none", "--name=job", "--restart=always", "app:1", "/bin/busybox", "true")
	return s
}

// shared is a folder that the root of a remapped engine can reach.
func shared(t *testing.T) string {
	dir, err := os.MkdirTemp("", "survey")
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	assert.NilError(t, os.Chmod(dir, 0o711))
	return dir
}

func (s scene) docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.Docker(args...).CombinedOutput()
	assert.NilError(t, err, "docker %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

func (s scene) load(t testing.TB) {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs a static busybox to run in a container")
	}
	busybox, err := os.ReadFile(path)
	assert.NilError(t, err)
	layer := imagetest.Layer(
		imagetest.File{Name: "bin/busybox", Body: string(busybox)},
		imagetest.File{Name: "etc/passwd", Body: "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n"},
		imagetest.File{Name: "etc/group", Body: "root:x:0:\nstaff:x:50:app\n"},
	)
	archive := imagetest.Archive("app:1", "app", imagetest.Step{By: "COPY . /", Layer: layer})
	answer, err := s.Client(t).ImageLoad(t.Context(), strings.NewReader(string(archive)))
	assert.NilError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	assert.NilError(t, err)
	answer.Body.Close()
}

// counting counts the round trips that a survey takes.
type counting struct {
	host.Host
	looks atomic.Int32
}

func (c *counting) Look(ctx context.Context, q host.Questions) (host.Answers, error) {
	c.looks.Add(1)
	return c.Host.Look(ctx, q)
}

// take surveys the scene's engine, and holds the survey to its round trips.
func (s scene) take(t *testing.T, endpoint string, h host.Host) survey.Facts {
	t.Helper()
	counted := &counting{Host: h}
	f := survey.Take(t.Context(), survey.Target[survey.API]{Context: "test", Endpoint: endpoint, API: s.Client(t), Host: counted}, survey.Options{})
	assert.Check(t, counted.looks.Load() <= 3, "%d round trips", counted.looks.Load())
	return f
}
