package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// undone holds that a change was taken back, that it was said so, and that it is
// so.
func undone(t *testing.T, host *testbed.Host, a answer, oldFiles, oldEngine string) {
	t.Helper()
	assert.Check(t, a.code == 1, "exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	if strings.HasPrefix(a.stdout, "{") {
		_, result := objects(t, a)
		assert.Check(t, result.Outcome == "undone" && result.Why != "", a.stdout)
	} else {
		assert.Check(t, strings.Contains(a.stdout, "The change was rolled back; the previous state is restored"), "%s%s", a.stdout, a.stderr)
	}
	assert.Equal(t, files(t, host), oldFiles)
	assert.Equal(t, engine(t, host), oldEngine)
	settled(t, host)
	assert.Equal(t, verdictOf(t, host), "undone")
}

// broken are tools of the host that do what they are to do, and then say that
// they did not.
const broken = `for tool in useradd usermod; do
	mv /usr/sbin/$tool /usr/sbin/$tool.whole
	printf '#!/bin/sh\nB=$(cat /run/broken)\n/usr/sbin/%s.whole "$@"\n[ "$B" != %s ] || { echo "%s: cannot go on" >&2; exit 1; }\n' $tool $tool $tool >/usr/sbin/$tool
	chmod 755 /usr/sbin/$tool
done; echo none >/run/broken`

// A step that does not work takes back all that came before it.
func TestEnableStepsThatFail(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	host.Shell(t, broken)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	for _, tool := range []string{"useradd", "usermod"} {
		t.Run(tool, func(t *testing.T) {
			host.Shell(t, "echo "+tool+" >/run/broken")
			a := change(t, host, "root", "enable", "--yes")
			assert.Check(t, strings.Contains(a.stderr, tool+": cannot go on"), a.stderr)
			undone(t, host, a, oldFiles, oldEngine)
		})
	}
	host.Shell(t, "echo none >/run/broken")
	t.Run("a daemon.json that somebody edits meanwhile", func(t *testing.T) {
		host.Shell(t, `sed -i 's/^\[.*cannot go on.*/[ "$B" != edit ] || echo "{\\"debug\\": false}" >\/etc\/docker\/daemon.json/' /usr/sbin/usermod; echo edit >/run/broken`)
		a := change(t, host, "root", "enable", "--yes")
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "it was edited after the plan was made"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, host.Run(t, "cat", daemonJSON), `{"debug": false}`)
		assert.Equal(t, engine(t, host), oldEngine)
		settled(t, host)
	})
}

// A data root that the remapped root cannot reach keeps the new dockerd from
// starting: the old one comes back, with all that ran.
func TestEnableThatDockerdDoesNotTake(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Shell(t, `mkdir -p -m 700 /srv/deep; mkdir -p /etc/systemd/system/docker.service.d
			exec=$(sed -n 's/^ExecStart=//p' "$(systemctl show -p FragmentPath --value docker)")
			printf '[Service]\nExecStart=\nExecStart=%s --data-root=/srv/deep/docker\n' "$exec" >/etc/systemd/system/docker.service.d/root.conf
			systemctl daemon-reload`)
		inUse(t, host)
		oldFiles, oldEngine := files(t, host), engine(t, host)
		a := change(t, host, "root", "enable", "--yes", "--stable=0s", "--format=json")
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "data-root-path"), "%d: %s%s", a.code, a.stdout, a.stderr)
		kinds, result := objects(t, a)
		assert.DeepEqual(t, kinds, []string{"plan", "result"})
		assert.Check(t, result.Outcome == "refused" && result.Change == "" && strings.Contains(a.stdout, `"blockedBy":["data-root-path"]`), a.stdout)
		assert.Equal(t, host.Shell(t, "ls /var/lib/docker-userns 2>/dev/null || true"), "")
		a = change(t, host, "root", "enable", "--yes", "--stable=0s", "--accept=data-root-path", "--format=json")
		undone(t, host, a, oldFiles, oldEngine)
	})
}

var commandLine = regexp.MustCompile(`(?m)^    (sudo .*)$`)

// Where the daemon starts neither with the change nor without, a person is
// called for: exit code 3, and three commands, of which the first does it.
func TestEnableThatNeedsAPerson(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	config := host.Run(t, "cat", daemonJSON)
	mend := host.FailRestart(t)
	c := begin(t, host, "enable", "--yes", "--stable=0s", "--confirm-timeout=30s", "--format=json")
	a := c.end()
	assert.Equal(t, a.code, 3, "%s%s", a.stdout, a.stderr)
	assert.Check(t, strings.Contains(a.stderr, "30s: the host is undoing the change"), a.stderr)
	commands := commandLine.FindAllStringSubmatch(a.stderr, -1)
	assert.Equal(t, len(commands), 3, a.stderr)
	_, result := objects(t, a)
	assert.Assert(t, result.Outcome == "uncertain" && len(result.Recovery) == 3 && result.Recovery[0] == commands[0][1], a.stdout)
	assert.Check(t, strings.Contains(a.stderr, "continues to try") && strings.Contains(a.stderr, "the host is not as it was before"), a.stderr)
	assert.Equal(t, host.Run(t, "cat", daemonJSON), config, "the files can be restored all the same")
	mend()
	host.Shell(t, commands[0][1]+"; systemctl daemon-reload")
	assert.Equal(t, engine(t, host), oldEngine)
	assert.Equal(t, files(t, host), oldFiles)
	settled(t, host)
}

// A daemon that comes back only later is waited for.
func TestEnableThatComesBackLate(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	mend := host.FailRestart(t)
	c := begin(t, host, "enable", "--yes", "--stable=0s", "--confirm-timeout=30s")
	c.await("Undoing the change")
	host.Shell(t, "for i in $(seq 600); do grep -q '^[^ ]* try 1:' /var/lib/docker-userns/*/log && exit 0; sleep 0.1; done; exit 1")
	mend()
	a := c.end()
	host.Run(t, "systemctl", "daemon-reload") // mend had systemd read the units that were there then
	undone(t, host, a, oldFiles, oldEngine)
}

// course is a change that goes on.
type course struct {
	t              *testing.T
	cmd            *exec.Cmd
	lines          *bufio.Scanner
	stdout, stderr bytes.Buffer
}

// begin starts a change through the context of root, in a process group of its
// own.
func begin(t *testing.T, host *testbed.Host, args ...string) *course {
	t.Helper()
	return beginBy(t, host.DockerCommand(append([]string{"--context", "root", "userns"}, args...)...))
}

// beginBy starts a change by a command, in a process group of its own.
func beginBy(t *testing.T, cmd *exec.Cmd) *course {
	t.Helper()
	c := &course{t: t, cmd: cmd}
	pipe, err := c.cmd.StderrPipe()
	assert.NilError(t, err)
	c.lines = bufio.NewScanner(io.TeeReader(pipe, &c.stderr))
	c.cmd.Stdout = &c.stdout
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	assert.NilError(t, c.cmd.Start())
	killThem := sync.OnceFunc(func() { killAll(t, c.cmd.Process.Pid) })
	late := time.AfterFunc(8*time.Minute, killThem)
	t.Cleanup(func() {
		late.Stop()
		if c.cmd.ProcessState == nil {
			killThem()
			_ = c.cmd.Wait()
		}
	})
	return c
}

// await waits until it says something.
func (c *course) await(text string) {
	c.t.Helper()
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), text) {
			return
		}
	}
	c.t.Fatalf("it ended without %q:\n%s%s", text, &c.stdout, &c.stderr)
}

// interrupt is Ctrl-C.
func (c *course) interrupt() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGINT) }

// end waits for it to end.
func (c *course) end() answer {
	for c.lines.Scan() {
	}
	_ = c.cmd.Wait()
	return answer{c.stdout.String(), c.stderr.String(), c.cmd.ProcessState.ExitCode()}
}

// Ctrl-C has the change undone at once, whatever step it is at.
func TestEnableInterrupted(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	for _, step := range []string{"Create the system user", "Have dockerd read", "Restart docker.service", "Prove it"} {
		t.Run(step, func(t *testing.T) {
			c := begin(t, host, "enable", "--yes", "--stable=1m")
			c.await(step)
			c.interrupt()
			a := c.end()
			assert.Check(t, strings.Contains(a.stderr, "interrupted\nUndoing the change"), a.stderr)
			undone(t, host, a, oldFiles, oldEngine)
		})
	}
	t.Run("twice", func(t *testing.T) {
		c := begin(t, host, "enable", "--yes", "--stable=1m", "--confirm-timeout=30s")
		c.await("Prove it")
		c.interrupt()
		c.await("Undoing the change")
		c.interrupt()
		a := c.end()
		assert.Check(t, a.code != 0, "%s%s", a.stdout, a.stderr) // it may be through with it before the second
		eventually(t, host, "undone")
		assert.Equal(t, files(t, host), oldFiles)
		assert.Equal(t, engine(t, host), oldEngine)
	})
}

// eventually waits until the host has settled automatically, with a verdict.
func eventually(t *testing.T, host *testbed.Host, verdict string) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !settledNow(t, host) || verdictOf(t, host) != verdict; time.Sleep(time.Second) {
		assert.Assert(t, time.Now().Before(deadline), "not settled in time:\n%s", host.Shell(t, "tail -n 40 /var/lib/docker-userns/*/log || true; systemctl list-units --all 'docker*'"))
	}
}

// A link that is cut while the program goes on: it waits, and then says what
// became of the host, which may have returned automatically meanwhile.
func TestEnableWithoutALinkForAWhile(t *testing.T) {
	for _, step := range []string{"Restart docker.service", "Prove it"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			host := boot(t, testbed.Engine28)
			inUse(t, host)
			oldFiles, oldEngine := files(t, host), engine(t, host)
			c := begin(t, host, "enable", "--yes", "--stable=0s", "--confirm-timeout=30s")
			c.await(step)
			mend := host.CutLink(t)
			time.Sleep(time.Minute)
			mend()
			a := c.end()
			if a.code == 0 {
				assert.Equal(t, verdictOf(t, host), "kept")
				isOnNow := strings.Contains(engine(t, host), "name=userns")
				assert.Check(t, isOnNow, "%s", a.stdout)
				return
			}
			undone(t, host, a, oldFiles, oldEngine)
		})
	}
}
