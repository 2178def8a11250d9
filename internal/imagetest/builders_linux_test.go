package imagetest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker-userns/docker-userns/internal/testbed"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"gotest.tools/v3/assert"
)

// A builder makes the images that cures are tried with. They are audited and run on its engine.
type builder struct {
	name   string
	engine *testengine.Engine
	// build builds the Dockerfile in a folder, and gives what it said.
	build func(t *testing.T, tag, dir string, args []string) (string, error)
}

// startBuilders are those that there can be: the classic builder and BuildKit of this
// machine's engine, buildah, and with TEST_ALL the BuildKit of Docker 28.5.
func startBuilders(t *testing.T) []*builder {
	tree := tools(t)
	engine := testengine.Start(t, testengine.Options{})
	importBase(t, engine, tree)
	all := []*builder{{"legacy", engine, func(_ *testing.T, tag, dir string, args []string) (string, error) {
		return said(engine.Docker(buildArgs(tag, dir, args)...))
	}}}
	if cli := buildKitCLI(); cli != "" {
		all = append(all, kit("kit", engine, cli))
		if allCures {
			host := testbed.Boot(t, testbed.Engine28)
			newer := &testengine.Engine{Host: fmt.Sprintf("unix:///proc/%d/root/run/docker.sock", host.PID()), Dir: t.TempDir()}
			importBase(t, newer, tree)
			all = append(all, kit("kit28", newer, cli))
		}
	} else {
		t.Log("no Dockerfile is built with BuildKit: that needs the docker CLI of 20.10, which needs no plugin for it")
	}
	if _, err := exec.LookPath("buildah"); err == nil {
		all = append(all, buildah(t, engine, tree))
	} else {
		t.Log("no Dockerfile is built with buildah, which is not installed")
	}
	return all
}

func importBase(t *testing.T, engine *testengine.Engine, tree []byte) {
	t.Helper()
	cmd := engine.Docker("import", "-", "base")
	cmd.Stdin = bytes.NewReader(tree)
	out, err := said(cmd)
	assert.NilError(t, err, out)
}

func said(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func buildArgs(tag, dir string, args []string) []string {
	command := []string{"build", "--network", "none", "-t", tag}
	return append(append(command, asFlags(args)...), dir)
}

// noCache stands for the flag among build arguments.
const noCache = "--no-cache"

func asFlags(args []string) (flags []string) {
	for _, a := range args {
		if a != noCache {
			flags = append(flags, "--build-arg")
		}
		flags = append(flags, a)
	}
	return flags
}

// version is that of the engine.
func (b *builder) version(t *testing.T) string {
	t.Helper()
	v, err := b.engine.Client(t).ServerVersion(t.Context())
	assert.NilError(t, err)
	return v.Version
}

// buildKitCLI is a docker CLI that has BuildKit built in, "" if there is none.
func buildKitCLI() string {
	for _, cli := range []string{"docker", "/usr/bin/docker"} {
		if version, err := said(exec.Command(cli, "--version")); err == nil && strings.HasPrefix(version, "Docker version 20.") {
			return cli
		}
	}
	return ""
}

func kit(name string, engine *testengine.Engine, cli string) *builder {
	return &builder{name, engine, func(_ *testing.T, tag, dir string, args []string) (string, error) {
		cmd := engine.Docker()
		cmd.Path, cmd.Err = cli, nil
		if path, err := exec.LookPath(cli); err == nil {
			cmd.Path = path
		}
		cmd.Args = append([]string{cli}, buildArgs(tag, dir, args)...)
		cmd.Env = append(cmd.Env, "DOCKER_BUILDKIT=1")
		return said(cmd)
	}}
}

// buildah makes one layer of all instructions. Its images are loaded into the engine.
func buildah(t *testing.T, engine *testengine.Engine, tree []byte) *builder {
	t.Helper()
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.json")
	assert.NilError(t, os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	call := func(verb string, args ...string) (string, error) {
		global := []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs", verb, "--signature-policy", policy}
		return said(exec.Command("buildah", append(global, args...)...))
	}
	var one sync.Mutex // two builds at once mix up stages of one name
	build := func(t *testing.T, tag, from string, args []string) (string, error) {
		one.Lock()
		defer one.Unlock()
		command := append([]string{"--isolation", "chroot", "--network", "host", "-t", tag}, asFlags(args)...)
		out, err := call("bud", append(command, from)...)
		if err != nil {
			return out, err
		}
		archive := filepath.Join(t.TempDir(), "image.tar")
		if out, err = call("push", tag, "docker-archive:"+archive+":"+tag); err != nil {
			return out, err
		}
		return said(engine.Docker("load", "-i", archive))
	}
	base := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(base, "tree.tar"), tree, 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(base, "Dockerfile"), []byte("FROM scratch\nADD tree.tar /\n"), 0o600))
	out, err := call("bud", "--isolation", "chroot", "--network", "host", "-t", "base", base)
	assert.NilError(t, err, out)
	return &builder{"buildah", engine, build}
}
