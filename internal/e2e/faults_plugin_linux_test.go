package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// killAll ends a process and all that it started, at once, the youngest first:
// the plugin before the docker CLI that would tell it. Then it waits for their end.
func killAll(t *testing.T, pid int) {
	for _, killed := range kill(pid) {
		testbed.AwaitEnd(t, killed)
	}
}

func kill(pid int) (killed []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				killed = append(killed, kill(n)...)
			}
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	return append(killed, pid)
}

// faultyPlugin is the plugin with the pauses that these tests need.
var faultyPlugin = sync.OnceValues(func() (string, error) {
	if _, err := build(); err != nil { // makes the folder
		return "", err
	}
	path := filepath.Join(buildDir, "docker-userns-faults")
	cmd := exec.Command("go", "build", "-tags", "faults", "-trimpath", "-o", path, "../../cli-plugins/docker-userns")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func faulty(t *testing.T) []byte {
	t.Helper()
	path, err := faultyPlugin()
	assert.NilError(t, err)
	binary, err := os.ReadFile(path)
	assert.NilError(t, err)
	return binary
}

func bootFaulty(t *testing.T, engine testbed.Engine) *testbed.Host {
	t.Helper()
	path, err := faultyPlugin()
	assert.NilError(t, err)
	host := testbed.Boot(t, engine)
	assert.NilError(t, os.Symlink(path, filepath.Join(host.ConfigDir(), "cli-plugins", "docker-userns")))
	return host
}
