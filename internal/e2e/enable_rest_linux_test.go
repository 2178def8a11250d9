package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// must calls enable or disable through root's context, and holds that it worked.
func must(t *testing.T, host *testbed.Host, args ...string) answer {
	t.Helper()
	a := change(t, host, "root", args...)
	assert.Equal(t, a.code, 0, "%v: %s%s", args, a.stdout, a.stderr)
	return a
}

// newestChange is the ID of the last change that the host keeps.
func newestChange(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, "ls /var/lib/docker-userns | grep '^2' | tail -n 1")
}

// The options of both verbs, one after the other on one host, which is each time
// what it was in the end.
func TestEnableAndDisableOptions(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	host.Run(t, "useradd", "-m", "builder")
	host.Shell(t, "sed -i /^builder:/d /etc/subuid /etc/subgid")
	oldFiles, oldEngine, config := files(t, host), engine(t, host), host.Run(t, "cat", daemonJSON)
	asBefore := func(t *testing.T) {
		t.Helper()
		assert.Equal(t, files(t, host), oldFiles)
		assert.Equal(t, engine(t, host), oldEngine)
		settled(t, host)
	}
	t.Run("a user, a range and an image of one's own", func(t *testing.T) {
		must(t, host, "enable", "--yes", "--stable=0s", "--user=builder", "--range=3000000:70000", "--image=bb")
		assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}}"), "/var/lib/docker/3000000.3000000")
		assert.Equal(t, onHost(t, host, "images", "--format", "{{.Repository}}"), "bb", "it was brought over to prove with, and stays")
		onHost(t, host, "run", "--rm", "--network=none", "-v", "cache:/cache", "bb", "sh", "-c", "echo kept >/cache/f")
		a := change(t, host, "root", "disable", "--yes", "--stable=0s", "--reclaim")
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "cache (/var/lib/docker/3000000.3000000)"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}}"), "/var/lib/docker/3000000.3000000")
		must(t, host, "disable", "--yes=cache", "--stable=0s", "--reclaim", "--restore-subids")
		assert.Equal(t, host.Shell(t, "ls -d /var/lib/docker/*.* 2>/dev/null || true"), "")
		asBefore(t)
	})
	t.Run("without a restart", func(t *testing.T) {
		const command = "sudo systemctl restart docker.service"
		a := must(t, host, "enable", "--yes", "--no-restart")
		assert.Check(t, strings.Contains(a.stdout, command), a.stdout)
		assert.Equal(t, engine(t, host), oldEngine)
		settled(t, host)
		host.Shell(t, strings.TrimPrefix(command, "sudo "))
		assert.Equal(t, verifyOver(t, host, "root").code, 0)
		a = must(t, host, "disable", "--yes", "--no-restart")
		assert.Check(t, strings.Contains(a.stdout, command), a.stdout)
		assert.Equal(t, host.Run(t, "cat", daemonJSON), config)
		host.Shell(t, strings.TrimPrefix(command, "sudo ")+"; docker start once")
		must(t, host, "disable", "--yes", "--restore-subids")
		asBefore(t)
	})
	t.Run("somebody else edits daemon.json", func(t *testing.T) {
		must(t, host, "enable", "--yes", "--stable=0s")
		before := newestChange(t, host)
		host.Shell(t, `sed -i 's/^{/{"debug": false,/' `+daemonJSON)
		a := must(t, host, "disable", "--yes", "--stable=0s", "--no-start")
		assert.Equal(t, onHost(t, host, "inspect", "-f", "{{.State.Running}}", "once"), "false")
		assert.Check(t, strings.Contains(a.stdout, "docker --context root start once\n"), a.stdout)
		onHost(t, host, "start", "once")
		assert.Equal(t, host.Run(t, "cat", daemonJSON), `{"debug": false,`+strings.TrimPrefix(config, "{"))
		must(t, host, "enable", "--yes", "--stable=0s")
		must(t, host, "disable", "--yes", "--stable=0s", "--restore-subids", "--to="+before)
		assert.Equal(t, host.Run(t, "cat", daemonJSON), config)
	})
}

// Remap that this program did not turn on is turned off all the same, and where
// nothing restarts the daemon the files alone are changed.
func TestDisableOfWhatOthersDid(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	host.Remap(t, 100000, 65536)
	t.Run("by hand", func(t *testing.T) {
		must(t, host, "disable", "--yes", "--stable=0s")
		assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}} {{.SecurityOptions}}"), "/var/lib/docker [name=seccomp,profile=builtin]")
		assert.Equal(t, host.Run(t, "cat", daemonJSON), "{}")
		settled(t, host)
	})
	t.Run("the daemon is down for want of a range", func(t *testing.T) {
		host.Shell(t, `echo '{"userns-remap": "dockremap"}' >`+daemonJSON+`; : >/etc/subuid; systemctl restart docker || true`)
		a := must(t, host, "disable", "--yes", "--stable=0s")
		assert.Check(t, strings.Contains(a.stdout, "userns-remap is off"), a.stdout)
		assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}}"), "/var/lib/docker")
		settled(t, host)
	})
	t.Run("a daemon that was started by hand", func(t *testing.T) {
		host.Shell(t, `cp /etc/subgid /etc/subuid; rm `+daemonJSON+`; systemctl stop docker.socket docker.service
			setsid /usr/sbin/dockerd --containerd=/run/containerd/containerd.sock >/run/dockerd.log 2>&1 &
			for i in $(seq 200); do docker info >/dev/null 2>&1 && exit 0; sleep 0.1; done; cat /run/dockerd.log >&2; exit 1`)
		before := marksOfDaemon(t, host)
		a := must(t, host, "enable", "--yes", "--stable=0s")
		assert.Check(t, strings.Contains(a.stdout, "The files are changed") && strings.Contains(a.stdout, "stop the dockerd process"), a.stdout)
		assert.Equal(t, marksOfDaemon(t, host), before)
		settled(t, host)
		must(t, host, "disable", "--yes", "--stable=0s")
		assert.Equal(t, host.Shell(t, "ls "+daemonJSON+" 2>/dev/null || true"), "")
		assert.Equal(t, marksOfDaemon(t, host), before)
		settled(t, host)
	})
}

func marksOfDaemon(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, "pgrep -x dockerd; docker info -f '{{.DockerRootDir}}'; systemctl is-active docker.service || true")
}

// Two operators: the second one learns what is under way, and touches nothing.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	host := bootFaulty(t, testbed.Engine28)
	inUse(t, host)
	oldEngine, config := engine(t, host), host.Run(t, "cat", daemonJSON)
	t.Run("one after the other", func(t *testing.T) {
		stop := fault{testbed.Engine28, "root", "enable", "config", "kill"}.breakOff(t, host)
		id := newestChange(t, host)
		j := over(t, host, "root")
		v := j.of(t, "change-pending")
		assert.Check(t, j.code == 1 && v.Status == "error" && strings.Contains(fmt.Sprint(v.Fix), id), "%v", v)
		host.Shell(t, `sed -i 's/^{/{"debug": false,/' `+daemonJSON)
		before := files(t, host)
		for _, verb := range []string{"enable", "disable"} {
			a := change(t, host, "root", verb, "--yes")
			assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "enable has been under way since") && strings.Contains(a.stderr, v.Fix[0]), "%d: %s%s", a.code, a.stdout, a.stderr)
			assert.Equal(t, files(t, host), before)
		}
		stop()
		eventually(t, host, "undone")
		assert.Equal(t, host.Run(t, "cat", daemonJSON), `{"debug": false,`+strings.TrimPrefix(config, "{"), "their edit stays, ours goes")
		assert.Equal(t, engine(t, host), oldEngine)
	})
	t.Run("both at once", func(t *testing.T) {
		path, err := build()
		assert.NilError(t, err)
		link := filepath.Join(host.ConfigDir(), "cli-plugins", "docker-userns")
		assert.NilError(t, os.Remove(link))
		assert.NilError(t, os.Symlink(path, link))
		calls := []*course{
			begin(t, host, "enable", "--yes", "--stable=0s", "--range=3000000:65536"),
			begin(t, host, "enable", "--yes", "--stable=0s", "--range=4000000:65536"),
		}
		first, second := calls[0].end(), calls[1].end()
		if first.code != 0 {
			first, second = second, first
		}
		assert.Check(t, first.code == 0, "%d: %s%s", first.code, first.stdout, first.stderr)
		assert.Check(t, second.code == 1 && strings.Contains(second.stderr, "Nothing was changed"), "%d: %s%s", second.code, second.stdout, second.stderr)
		root, _, _ := strings.Cut(first.stdout[strings.Index(first.stdout, "The data root is ")+len("The data root is "):], ". ")
		assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}}"), root)
		assert.Equal(t, verifyOver(t, host, "root").code, 0)
		settled(t, host)
	})
}
