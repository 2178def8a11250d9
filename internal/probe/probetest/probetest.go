// Package probetest has what tests of probes and of applications in containers
// share: the program of a probe, an image with a shell, and docker commands.
package probetest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// Remapped is the map of an engine that was started with testengine.Options.Remap.
var Remapped = idmap.Single(testengine.Base, testengine.Size)

const source = "github.com/docker-userns/docker-userns/internal/probe/probetest/testdata/probe"

// folder holds the program while the tests run.
var folder string

// Main is the TestMain of a package whose tests call [Program].
func Main(m *testing.M) {
	code := m.Run()
	if folder != "" {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

var build = sync.OnceValues(func() (string, error) {
	var err error
	if folder, err = os.MkdirTemp("", "probe"); err != nil {
		return "", err
	}
	path := filepath.Join(folder, "probe")
	cmd := exec.Command("go", "build", "-o", path, source)
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	return path, cmd.Run()
})

// Program gives the path of what a probe runs in its containers, built static: a
// test is not.
func Program(t *testing.T) string {
	t.Helper()
	program, err := build()
	assert.NilError(t, err)
	return program
}

// Busybox puts an image "bb" on an engine: a shell with a few tools, user app with
// UID 1000, and group talk with GID 1234, which app is in.
func Busybox(t *testing.T, e *testengine.Engine) {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs a static busybox to run in a container")
	}
	busybox, err := os.ReadFile(path)
	assert.NilError(t, err)
	files := []imagetest.File{{Name: "etc/passwd", Body: "app:x:1000:1000::/:/bin/sh\n"}, {Name: "etc/group", Body: "talk:x:1234:app\n"}}
	for _, name := range []string{"sh", "chmod", "sleep", "touch", "id", "cat", "nc"} {
		files = append(files, imagetest.File{Name: "bin/" + name, Body: string(busybox)})
	}
	Load(t, e, imagetest.Archive("bb:latest", "", imagetest.Step{By: "COPY . /", Layer: imagetest.Layer(files...)}))
}

// Load loads an archive of an image into an engine.
func Load(t *testing.T, e *testengine.Engine, archive []byte) {
	t.Helper()
	answer, err := e.Client(t).ImageLoad(t.Context(), strings.NewReader(string(archive)))
	assert.NilError(t, err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	assert.NilError(t, err)
}

// Docker runs a command of the docker CLI against an engine, and gives its output.
func Docker(t *testing.T, e *testengine.Engine, args ...string) string {
	t.Helper()
	out, err := e.Docker(args...).CombinedOutput()
	assert.NilError(t, err, "docker %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}
