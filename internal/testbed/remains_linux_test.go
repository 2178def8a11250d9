package testbed_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// hang makes this test binary boot a host, tell its name, and wait for its end.
const hang = "TESTBED_HANG"

func TestNothingIsLeftOfAKilledTest(t *testing.T) {
	if os.Getenv(hang) != "" {
		host := testbed.Boot(t, testbed.Engine20)
		host.Busybox(t, "bb")
		host.Docker(t, "--context", "unix", "run", "-d", "bb", "sleep", "1000")
		os.Stdout.WriteString("\nhost " + host.Name + "\n")
		select {}
	}
	testbed.Need(t)
	for _, how := range []os.Signal{os.Interrupt, os.Kill} {
		t.Run(how.String(), func(t *testing.T) {
			name, child := hangingTest(t)
			assert.Assert(t, remains(t, name) != "", "the host should be seen before its end")
			assert.NilError(t, child.Process.Signal(how))
			_ = child.Wait()
			for deadline := time.Now().Add(time.Minute); remains(t, name) != ""; time.Sleep(100 * time.Millisecond) {
				assert.Assert(t, time.Now().Before(deadline), remains(t, name))
			}
		})
	}
}

func TestAHostIsSweptWhoseKeeperWasKilled(t *testing.T) {
	testbed.Need(t)
	script := func(args ...string) string {
		out, err := exec.Command("../../scripts/testbed", args...).CombinedOutput()
		assert.NilError(t, err, string(out))
		return string(out)
	}
	name := "swept-" + strconv.Itoa(os.Getpid())
	t.Cleanup(func() { _ = exec.Command("../../scripts/testbed", "stop", name).Run() })
	assert.Assert(t, strings.Contains(script("boot", "26.1", name), "docker context create "+name+" --docker host=ssh://root@"))
	assert.Equal(t, script("exec", name, "hostname"), name+"\n")
	keeper := keeperOf(t, name)
	assert.NilError(t, syscall.Kill(keeper, syscall.SIGKILL))
	testbed.AwaitEnd(t, keeper)
	script("sweep")
	assert.Equal(t, remains(t, name), "")
}

func hangingTest(t *testing.T) (host string, child *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	assert.NilError(t, err)
	child = exec.Command(self, "-test.run=^TestNothingIsLeftOfAKilledTest$")
	child.Env = append(os.Environ(), hang+"=1", "TMPDIR="+t.TempDir())
	stdout, err := child.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "host "); ok {
			return name, child
		}
	}
	t.Fatalf("the child booted no host: %v", child.Wait())
	return "", nil
}

func keeperOf(t *testing.T, name string) int {
	t.Helper()
	out, err := exec.Command("sh", "-c", `cat "${DOCKER_USERNS_TESTBED:-/var/cache/docker-userns-testbed}/hosts/$0/keeper"`, name).Output()
	assert.NilError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	assert.NilError(t, err)
	return pid
}

// remains are the traces of a host on this machine: cgroups, mounts, processes
// and files all bear its name.
func remains(t *testing.T, name string) string {
	t.Helper()
	out, _ := exec.Command("sh", "-c", `ls -d /sys/fs/cgroup/*/duns-"$0" "${DOCKER_USERNS_TESTBED:-/var/cache/docker-userns-testbed}/hosts/$0" 2>/dev/null
		grep -F "/$0/" /proc/mounts
		grep -alF "/$0/" /proc/[0-9]*/cmdline 2>/dev/null`, name).Output()
	return string(out)
}
