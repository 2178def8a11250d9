package e2e

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// hinted is the command of a hint.
var hinted = regexp.MustCompile(`(?m)^ +[^\r\n:]*: (docker [^\r\n]+)`)

// TestHookHints has docker itself print the hint after commands that fail for an
// ID, and none after others, and follows the hint to the file.
func TestHookHints(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	dir := filepath.Join(engine.Dir, "config")
	addPlugin(t, dir)
	before := "{\n\t\"HttpHeaders\": {}\n}\n"
	config := filepath.Join(dir, "config.json")
	real := filepath.Join(dir, "real.json")
	assert.NilError(t, os.WriteFile(real, []byte(before), 0o640))
	assert.NilError(t, os.Symlink("real.json", config))

	if a := ask(t, engine.Docker("userns", "audit-image", "--install-hook")); a.code != 0 {
		if strings.Contains(a.stderr, "calls hooks from 26.1 on") {
			t.Skip(a.stderr)
		}
		t.Fatal(a.stderr)
	}

	archive := imagetest.Archive("shop:1", "", imagetest.Step{By: "RUN npm i", Layer: imagetest.Layer(imagetest.File{Name: "app/index.js", UID: 1516583083})})
	file := filepath.Join(dir, "shop.tar")
	assert.NilError(t, os.WriteFile(file, archive, 0o644))
	ref := push(t, archive)
	for _, args := range [][]string{{"pull", ref}, {"image", "pull", "--platform", "linux/amd64", ref}, {"run", ref}, {"create", ref}, {"load", "-i", file}} {
		said := onTerminal(t, elsewhere(engine.Docker(append([]string{"--host", engine.Host}, args...)...)))
		m := hinted.FindStringSubmatch(said)
		assert.Assert(t, m != nil, "docker %v: no hint in: %s", args, said)
		assert.Assert(t, strings.Contains(m[1], engine.Host), m[1])
		follow := elsewhere(engine.Docker())
		follow.Path, follow.Args = "/bin/sh", []string{"sh", "-c", m[1]}
		found := ask(t, follow)
		assert.Assert(t, strings.Contains(found.stdout, "app/index.js"), "docker %s: %s%s", m[1], found.stdout, found.stderr)
	}
	for _, args := range [][]string{{"pull", ref + "-none"}, {"run", "-h"}, {"version"}} {
		said := onTerminal(t, engine.Docker(args...))
		assert.Assert(t, !strings.Contains(said, "next"), "docker %v: %s", args, said)
	}

	a := ask(t, engine.Docker("userns", "audit-image", "--remove-hook"))
	assert.Equal(t, a.code, 0, a.stderr)
	after, err := os.ReadFile(real)
	assert.NilError(t, err)
	assert.Equal(t, string(after), before)
	info, err := os.Lstat(real)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode(), os.FileMode(0o640))
	link, err := os.Readlink(config)
	assert.NilError(t, err)
	assert.Equal(t, link, "real.json")
	said := onTerminal(t, engine.Docker("load", "-i", file))
	assert.Assert(t, !strings.Contains(said, "audit-image"), said)
}

// elsewhere takes out of a command's environment where the engine is.
func elsewhere(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(cmd.Env, "DOCKER_HOST=")
	return cmd
}

// addPlugin puts the plugin where docker looks for it, in a configuration folder.
func addPlugin(t *testing.T, dir string) {
	t.Helper()
	binary, err := build()
	assert.NilError(t, err)
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "cli-plugins"), 0o755))
	assert.NilError(t, os.Symlink(binary, filepath.Join(dir, "cli-plugins", "docker-userns")))
}

// onTerminal runs a command whose output is a terminal, and gives what it prints.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Env = append(cmd.Env, "DOCKER_CLI_HOOKS=", "DOCKER_CLI_HINTS=")
	tty, err := pty.Start(cmd)
	assert.NilError(t, err)
	defer tty.Close()
	late := time.AfterFunc(hangs, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	said, _ := io.ReadAll(tty) // it ends with an error, once nobody holds the other end
	_ = cmd.Wait()
	return string(said)
}

// push serves an image from a registry on this machine, and gives its name there.
func push(t *testing.T, archive []byte) string {
	t.Helper()
	hub := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(hub.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(hub.URL, "http://") + "/shop:1")
	assert.NilError(t, err)
	img, err := tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }, nil)
	assert.NilError(t, err)
	assert.NilError(t, remote.Write(ref, img))
	return ref.String()
}
