// Package hosttest starts real hosts for tests: an sshd on 127.0.0.1 that has
// its own keys and configuration, and touches none of the user's.
package hosttest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// Endpoint is the docker endpoint of the host that SSHD starts.
const Endpoint = "ssh://box"

// Server is a running sshd.
type Server struct {
	// Bin is a folder with an ssh that knows the server by the name of Endpoint:
	// to be put first in PATH.
	Bin string

	log *os.File
	pid int
}

// Logins says how often someone has logged in: the number of connections.
func (s *Server) Logins(t testing.TB) int {
	t.Helper()
	log, err := os.ReadFile(s.log.Name())
	assert.NilError(t, err)
	return strings.Count(string(log), "Accepted publickey ")
}

// SSHD runs an sshd that lets root in, until the test ends; config are further
// lines of sshd_config(5). The test is skipped if this process is not root, or
// there is no sshd.
func SSHD(t testing.TB, config ...string) *Server {
	t.Helper()
	sshd := "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil || os.Geteuid() != 0 {
		t.Skip("starting an sshd takes root, and openssh-server")
	}
	ssh, err := exec.LookPath("ssh")
	assert.NilError(t, err)
	dir := t.TempDir()
	for _, key := range []string{"host", "user"} {
		icmd.RunCommand("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).Assert(t, icmd.Success)
	}
	assert.NilError(t, os.MkdirAll("/run/sshd", 0o755)) // sshd will not start without
	port := freePort(t)
	write(t, dir, "sshd_config", serverConfig+strings.Join(config, "\n")+"\n", port, dir)
	write(t, dir, "config", clientConfig, port, dir)
	write(t, dir, "ssh", "#!/bin/sh\nexec %s -F %s/config \"$@\"\n", ssh, dir)
	log, err := os.Create(filepath.Join(dir, "log"))
	assert.NilError(t, err)
	t.Cleanup(func() { log.Close() })
	cmd := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	cmd.Stderr = log
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	await(t, port)
	return &Server{Bin: dir, log: log, pid: cmd.Process.Pid}
}

const serverConfig = `ListenAddress 127.0.0.1:%d
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/user.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
MaxStartups 100
`

const clientConfig = `Host box
 HostName 127.0.0.1
 Port %d
 User root
 IdentityFile %[2]s/user
 IdentitiesOnly yes
 UserKnownHostsFile %[2]s/known_hosts
 StrictHostKeyChecking accept-new
 LogLevel ERROR
`

func write(t testing.TB, dir, name, format string, args ...any) {
	t.Helper()
	// Executable, for the one that is a script.
	assert.NilError(t, os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, format, args...), 0o700))
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func await(t testing.TB, port int) {
	for range 200 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
}
