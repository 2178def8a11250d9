// Package testengine starts a dockerd for one test, next to any other on the
// machine and apart from it: own data root, socket and process, no network.
// It is for tests, which are skipped where a dockerd cannot be started.
package testengine

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/docker/docker/client"
)

// Options say what is special about an engine.
type Options struct {
	// Remap starts it with userns-remap on, with the map
	// 0:100000:65536.
	Remap bool
	// Config is its daemon.json, none if empty.
	Config string
	// DataRoot is the data root that it is given, an empty one of its own if empty.
	DataRoot string
	// Args are more arguments of dockerd, e.g. "--storage-driver=vfs".
	Args []string
}

// Base and Size are the range of a remapped engine.
const (
	Base = 100000
	Size = 65536
)

// Engine is a dockerd that runs.
type Engine struct {
	Host   string // "unix://…", for DOCKER_HOST
	Socket string // the path in it
	Dir    string // all that the engine writes is under it
	PID    int

	dataRoot string
	exited   chan struct{}
}

// DataRoot is the directory that the engine was told to use. That of a remapped
// one, and what GET /info says, is one deeper: DataRoot/UID.GID.
func (e *Engine) DataRoot() string { return e.dataRoot }

// Log is what the engine has logged so far.
func (e *Engine) Log() string {
	b, _ := os.ReadFile(filepath.Join(e.Dir, "log"))
	return string(b)
}

// Client is a client of the engine, closed when the test ends.
func (e *Engine) Client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(e.Host), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Docker is a command of the docker CLI against the engine, with a
// configuration of its own.
func (e *Engine) Docker(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=", "DOCKER_BUILDKIT=0",
		"DOCKER_CONFIG="+filepath.Join(e.Dir, "config"))
	return cmd
}
