//go:build linux

package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// eachHost runs a test on every implementation that this machine can run: the
// native one, and a shell through sudo, through ssh, and of each kind there is.
func eachHost(t *testing.T, test func(t *testing.T, h Host)) {
	if os.Geteuid() != 0 {
		t.Skip("owners and labels can only be kept by root")
	}
	for name, open := range map[string]func(*testing.T) Host{
		"local":   func(*testing.T) Host { return Local() },
		"sudo":    openSudo,
		"ssh":     openSSH,
		"dash":    func(t *testing.T) Host { return openShell(t, nil, "dash") },
		"bash":    func(t *testing.T) Host { return openShell(t, nil, "bash", "--posix") },
		"busybox": openBusybox,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			t.Cleanup(func() { assert.NilError(t, h.Close()) })
			test(t, h)
		})
	}
}

func openSudo(t *testing.T) Host {
	if exec.Command("sudo", "-n", "true").Run() != nil {
		t.Skip("sudo -n does not work here")
	}
	return Sudo(nil)
}

// openShell is a session with a shell of this machine.
func openShell(t *testing.T, env []string, args ...string) Host {
	path, err := exec.LookPath(args[0])
	if err != nil {
		t.Skipf("no %s here", args[0])
	}
	return &remote{kind: KindSSH, session: newSession(args[0], func() *exec.Cmd {
		cmd := exec.Command(path, args[1:]...)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	})}
}

// openBusybox is a machine that has nothing but busybox: its shell and its tools.
func openBusybox(t *testing.T) Host {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox here")
	}
	dir := t.TempDir()
	icmd.RunCommand(busybox, "--install", "-s", dir).Assert(t, icmd.Success)
	return openShell(t, []string{"PATH=" + dir}, filepath.Join(dir, "sh"))
}

// openSSH is a host behind a real sshd on 127.0.0.1.
func openSSH(t *testing.T) Host {
	h, err := newSSH(filepath.Join(hosttest.SSHD(t).Bin, "ssh"), hosttest.Endpoint)
	assert.NilError(t, err)
	return h
}
