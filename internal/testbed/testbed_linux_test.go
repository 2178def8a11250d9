package testbed_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

func eachEngine(t *testing.T, test func(t *testing.T, host *testbed.Host)) {
	t.Helper()
	testbed.Need(t)
	for _, engine := range testbed.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, testbed.Boot(t, engine))
		})
	}
}

func TestContextsReachTheHostsEngine(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.ServeTLS(t)
		for _, name := range []string{"unix", "tls", "root", "op", "opnp"} {
			got := host.Docker(t, "--context", name, "info", "--format", "{{.Name}} {{.ServerVersion}} {{.Driver}}")
			assert.Check(t, strings.HasPrefix(got, host.Name+" "+host.Engine.Version()+"."), "context %s: %s", name, got)
			assert.Check(t, strings.HasSuffix(got, " "+driverOf(host.Engine)), "context %s: %s", name, got)
		}
		out, err := host.DockerCommand("--context", "guest", "info").CombinedOutput()
		assert.Check(t, err != nil, "guest is in no group that may talk to the engine: %s", out)
		assert.Check(t, !strings.Contains(string(out), host.Name), string(out))
	})
}

// driverOf is the storage driver of an engine that was just installed.
func driverOf(engine testbed.Engine) string {
	if engine == testbed.Engine29 {
		return "overlayfs" // containerd's store
	}
	return "overlay2"
}

func TestAnUpgradedEngineKeepsItsImages(t *testing.T) {
	host := testbed.Boot(t, testbed.Engine28)
	host.Busybox(t, "bb")
	host.Shell(t, "docker create --name=made bb sleep 1000")
	host.Upgrade(t)
	assert.Equal(t, host.Shell(t, "docker info --format '{{.ServerVersion}} {{.Driver}}' | sed 's/[.][^ ]*//'"), "29 overlay2")
	assert.Equal(t, host.Docker(t, "--context", "root", "run", "--rm", "--network=none", "bb", "id", "-u"), "0")
	host.Shell(t, "docker start made && docker rm -f made")
}

func TestUsersOfTheHost(t *testing.T) {
	host := testbed.Boot(t, testbed.Engine28)
	ssh := func(user, command string) string {
		cmd := exec.Command("sh", "-c", `ssh "$0" "$1" 2>&1`, user+"@"+host.Address, command)
		cmd.Env = host.Env()
		out, _ := cmd.Output()
		return strings.TrimSpace(string(out))
	}
	assert.Equal(t, ssh("root", "id -u"), "0")
	assert.Equal(t, ssh("opnp", "sudo -n id -u"), "0")
	assert.Equal(t, ssh("op", "sudo -n id -u"), "sudo: a password is required")
	assert.Equal(t, ssh("op", "echo op | sudo -S -p '' id -u"), "0")
	assert.Assert(t, strings.Contains(ssh("guest", "echo guest | sudo -S -p '' id -u"), "not in the sudoers file"))
}

func TestContainersRun(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Busybox(t, "bb")
		assert.Equal(t, host.Docker(t, "--context", "unix", "run", "--rm", "bb", "id", "-u"), "0")
		assert.Equal(t, host.Docker(t, "--context", "root", "run", "--rm", "--network=none", "--memory=64m", "bb", "id", "-u"), "0")
	})
}

func TestARemappedEngineRunsContainers(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		host.Busybox(t, "bb")
		host.Docker(t, "--context", "unix", "run", "-d", "--name=sleeper", "bb", "sleep", "1000")
		pid := host.Docker(t, "--context", "unix", "inspect", "--format={{.State.Pid}}", "sleeper")
		assert.Equal(t, host.Run(t, "stat", "--format=%u", "/proc/"+pid), "100000")
		host.Docker(t, "--context", "unix", "rm", "-f", "sleeper")
	})
}

func TestRebootAndLossOfPowerKeepTheDisk(t *testing.T) {
	host := testbed.Boot(t, testbed.Engine26)
	mark := func() bool { return host.Command("test", "-e", "/etc/mark").Run() == nil }
	host.Run(t, "touch", "/etc/mark")
	host.Busybox(t, "bb")
	host.Reboot(t)
	assert.Assert(t, mark())
	assert.Assert(t, host.Docker(t, "--context", "unix", "images", "-q") != "")
	host.CutPower(t)
	assert.Assert(t, mark())
}

func TestBreakingAndMending(t *testing.T) {
	host := testbed.Boot(t, testbed.Engine28)
	write := func(path string) error { return host.Command("sh", "-c", "echo some >"+path+" && test -s "+path).Run() }
	restart := func() error { return host.Command("systemctl", "restart", "docker.service").Run() }

	t.Run("full disk", func(t *testing.T) {
		mend := host.FillDisk(t)
		assert.Assert(t, write("/etc/new") != nil)
		assert.Assert(t, write("/var/lib/docker/new") != nil)
		mend()
		assert.NilError(t, write("/etc/new"))
	})
	t.Run("read-only etc", func(t *testing.T) {
		mend := host.ReadOnlyEtc(t)
		assert.Assert(t, write("/etc/newer") != nil)
		assert.NilError(t, write("/var/newer"))
		mend()
		assert.NilError(t, write("/etc/newer"))
	})
	t.Run("restart fails", func(t *testing.T) {
		mend := host.FailRestart(t)
		assert.Assert(t, restart() != nil)
		mend()
		assert.NilError(t, restart())
	})
	t.Run("killed daemon", func(t *testing.T) {
		before := strings.Fields(host.Run(t, "pidof", "dockerd"))
		host.Kill(t, "dockerd")
		for _, pid := range strings.Fields(host.Shell(t, "pidof dockerd || true")) { // systemd may have started another
			assert.Assert(t, !slices.Contains(before, pid))
		}
		host.Run(t, "systemctl", "start", "docker.service")
	})
	t.Run("cut link", func(t *testing.T) {
		mend := host.CutLink(t)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, "ssh", "root@"+host.Address, "true")
		cmd.Path, cmd.Env = filepath.Join(pathOf(host), "ssh"), host.Env()
		assert.Assert(t, cmd.Run() != nil)
		assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded) // silence, not a refusal
		mend()
		assert.Equal(t, host.Docker(t, "--context", "root", "info", "--format={{.Name}}"), host.Name)
	})
}

func TestLoadGivesTheEnginesWords(t *testing.T) {
	host := testbed.Boot(t, testbed.Engine20)
	err := host.Load(t.Context(), bytes.NewReader([]byte("no tar")))
	assert.ErrorContains(t, err, "unexpected EOF")
}

func pathOf(host *testbed.Host) string {
	for _, v := range host.Env() {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			return strings.Split(path, string(os.PathListSeparator))[0]
		}
	}
	return ""
}
