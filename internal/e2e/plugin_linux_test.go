package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// hangs is when a call of the plugin counts as hung. It measures nothing: each
// call is to end by itself long before.
const hangs = 2 * time.Minute

// buildDir holds the plugin while the tests run.
var buildDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// build builds the plugin once, static, as it is released.
var build = sync.OnceValues(func() (plugin string, err error) {
	if buildDir, err = os.MkdirTemp("", "docker-userns-e2e"); err != nil {
		return "", err
	}
	plugin = filepath.Join(buildDir, "docker-userns")
	cmd := exec.Command("../../scripts/build", plugin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return plugin, nil
})

// plugin gives the path of the plugin.
func plugin(t *testing.T) string {
	t.Helper()
	testbed.Need(t)
	path, err := build()
	assert.NilError(t, err)
	return path
}

// boot boots a host and installs the plugin for the docker CLI of this machine.
func boot(t *testing.T, engine testbed.Engine) *testbed.Host {
	t.Helper()
	binary := plugin(t)
	host := testbed.Boot(t, engine)
	assert.NilError(t, os.Symlink(binary, filepath.Join(host.ConfigDir(), "cli-plugins", "docker-userns")))
	return host
}

// eachEngine tells a story on a host of each engine, side by side. An upgraded one
// differs in what few stories are about.
func eachEngine(t *testing.T, story func(t *testing.T, host *testbed.Host)) {
	t.Helper()
	testbed.Need(t)
	for _, engine := range testbed.Engines {
		t.Run(string(engine), func(t *testing.T) {
			if engine == testbed.Upgraded29 && os.Getenv("TEST_ALL") == "" {
				t.Skip("only some stories are told of an upgraded engine without TEST_ALL=1")
			}
			t.Parallel()
			story(t, boot(t, engine))
		})
	}
}

// answer is what a call of docker said.
type answer struct {
	stdout, stderr string
	code           int
}

// docker calls this machine's docker CLI, with more variables in its environment.
func docker(t *testing.T, host *testbed.Host, env []string, args ...string) answer {
	t.Helper()
	cmd := host.DockerCommand(args...)
	cmd.Env = append(cmd.Env, env...)
	return ask(t, cmd)
}

func ask(t *testing.T, cmd *exec.Cmd) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	bounded := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	bounded.Env, bounded.Stdin, bounded.WaitDelay = cmd.Env, cmd.Stdin, time.Second
	var stdout, stderr bytes.Buffer
	bounded.Stdout, bounded.Stderr = &stdout, &stderr
	err := bounded.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %s: %v", cmd, err)
	}
	assert.NilError(t, ctx.Err(), "hung: %s\n%s%s", cmd, &stdout, &stderr)
	return answer{stdout.String(), stderr.String(), bounded.ProcessState.ExitCode()}
}

// report is what stories look at of an audit. The rest is held by rest.
type report struct {
	Image     string
	Source    string
	Verdict   string
	Startable bool
	IDMap     struct {
		UID, GID []struct{ HostID, Size int64 }
	}
	Findings []finding
	rest     map[string]any
}

type finding struct {
	Rule     string
	UID, GID int64
	Count    int64
	Paths    []string
}

// reports reads the lines of --format json.
func reports(t *testing.T, a answer) map[string]report {
	t.Helper()
	assert.NilError(t, schema.Validate(schema.AuditImage, a.stdout))
	byName := map[string]report{}
	for line := range strings.Lines(a.stdout) {
		var r report
		assert.NilError(t, json.Unmarshal([]byte(line), &r), "%s%s", line, a.stderr)
		assert.NilError(t, json.Unmarshal([]byte(line), &r.rest))
		byName[r.Image] = r
	}
	return byName
}
