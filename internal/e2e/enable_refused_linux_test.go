package e2e

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// marks are those of the files that a change may touch: one that was written, even
// with what it held, has another inode or time. Nothing is read, since it may hang.
func marks(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `stat -c '%n %N %i %Y %Z %F' /etc/docker/daemon.json /etc/subuid /etc/subgid /etc/passwd /etc/group /etc/shadow
		stat -c '%n %Y' /etc /etc/docker /etc/systemd/system
		docker ps -a --no-trunc --format '{{.ID}} {{.Status}}' | sed 's/\(Up\|Exited\).*/\1/' | sort; systemctl show -p MainPID docker`)
}

// A change that must not be made is not begun: exit code 1, why, and nothing
// touched.
func TestEnableRefused(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	install(t, host)
	inUse(t, host)
	host.Shell(t, "cp -a /etc/docker/daemon.json /root/config")
	over := func(user string, args ...string) func() answer {
		return func() answer { return change(t, host, user, append([]string{"enable", "--yes"}, args...)...) }
	}
	root := over("root")
	for _, tc := range []struct {
		name, script string // F is daemon.json
		call         func() answer
		code         int
		says         string
	}{
		{"symlink", `mv $F /srv/elsewhere.json; ln -s /srv/elsewhere.json $F`, root, 1, "symbolic link"},
		{"fifo", `rm $F; mkfifo $F`, root, 1, "fifo"},
		{"comment", `printf '{ // why\n"debug": false }' >$F`, root, 1, "daemon.json"},
		{"key twice", `echo '{"debug": false, "debug": false}' >$F`, root, 1, `"debug"`},
		{"BOM", `printf '\357\273\277{"debug": false}' >$F`, root, 1, "byte order mark"},
		{"range of another", ``, over("root", "--range=150000:65536"), 1, "alice"},
		{"range of the host's own users", ``, over("root", "--range=1000:65536"), 1, "1000"},
		{"root as the user", ``, over("root", "--user=root"), 1, "root"},
		{"no such check", ``, over("root", "--accept=nothing"), 2, "--accept nothing"},
		{"a check that cannot be accepted", ``, over("root", "--accept=change-pending"), 2, "change-pending"},
		{"no right to sudo without a password", ``, over("op"), 2, "host-access"},
		{"no right to sudo", ``, over("guest"), 2, "group docker"},
		{"a wrong password", ``, func() answer { return wrongPassword(t, host) }, 2, "host-access"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inPlace(t, host, `rm -f $F; cp -a /root/config $F; `+tc.script)
			before := marks(t, host)
			a := tc.call()
			assert.Check(t, a.code == tc.code, "%d: %s%s", a.code, a.stdout, a.stderr)
			assert.Check(t, strings.Contains(a.stdout+a.stderr, tc.says), "no %q in %s%s", tc.says, a.stdout, a.stderr)
			assert.Equal(t, marks(t, host), before)
			settled(t, host)
			assert.Equal(t, host.Shell(t, "ls /var/lib/docker-userns 2>/dev/null || true"), "")
		})
	}
	inPlace(t, host, `rm -f $F; cp -a /root/config $F`)
	t.Run("immutable", func(t *testing.T) {
		if host.Command("chattr", "+i", daemonJSON).Run() != nil {
			t.Skip("this file system has no attributes")
		}
		defer host.Run(t, "chattr", "-i", daemonJSON)
		before := marks(t, host)
		a := root()
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "immutable"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, marks(t, host), before)
	})
	t.Run("full disk", func(t *testing.T) {
		before := marks(t, host)
		mend := host.FillDisk(t)
		a := root()
		assert.Check(t, a.code == 1, "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, marks(t, host), before)
		a = over("root", "--accept=data-root-space")()
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "Nothing was changed"), "%d: %s%s", a.code, a.stdout, a.stderr)
		assert.Equal(t, marks(t, host), before)
		mend()
		settled(t, host)
	})
	t.Run("read-only etc", func(t *testing.T) {
		before := files(t, host)
		mend := host.ReadOnlyEtc(t)
		a := root()
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "Nothing was changed"), "%d: %s%s", a.code, a.stdout, a.stderr)
		mend()
		assert.Equal(t, files(t, host), before)
		settled(t, host)
	})
	a := root()
	assert.Equal(t, a.code, 0, "once nothing is in the way: %s%s", a.stdout, a.stderr)
}

// wrongPassword calls enable on the host at a terminal, as one whom sudo asks,
// and who does not know.
func wrongPassword(t *testing.T, host *testbed.Host) answer {
	t.Helper()
	return atTerminal(t, host.Command("runuser", "-u", "op", "--", "docker", "userns", "enable", "--yes"), "assword", "wrong")
}

// atTerminal runs a command at a terminal, and answers each question with the
// same.
func atTerminal(t *testing.T, cmd *exec.Cmd, question, reply string) answer {
	t.Helper()
	tty, err := pty.Start(cmd)
	assert.NilError(t, err)
	defer tty.Close()
	late := time.AfterFunc(hangs, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var said strings.Builder
	buf, asked := make([]byte, 4096), 0
	for {
		n, err := tty.Read(buf)
		said.Write(buf[:n])
		for now := strings.Count(said.String(), question); asked < now; asked++ {
			_, _ = io.WriteString(tty, reply+"\n")
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	assert.Assert(t, asked > 0, "nobody was asked: %s", said.String())
	return answer{said.String(), "", cmd.ProcessState.ExitCode()}
}
