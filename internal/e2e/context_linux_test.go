package e2e

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// However docker is configured to use an engine, the plugin uses the same one.
func TestWaysToNameAnEngine(t *testing.T) {
	host := boot(t, testbed.Engine28)
	host.ServeTLS(t)
	loadPictures(t, host)
	ways := []struct {
		name string
		env  []string
		args []string
		says string // how a command that is printed begins
	}{
		{"--context", nil, []string{"--context", "root"}, "docker --context root "},
		{"DOCKER_CONTEXT", []string{"DOCKER_CONTEXT=root"}, nil, "docker --context root "},
		{"--context wins over DOCKER_CONTEXT", []string{"DOCKER_CONTEXT=nowhere"}, []string{"--context", "root"}, "docker --context root "},
		{"DOCKER_HOST with ssh", []string{"DOCKER_HOST=ssh://op@" + host.Address}, nil, "docker --host ssh://op@" + host.Address + " "},
		{"DOCKER_HOST wins over DOCKER_CONTEXT", []string{"DOCKER_HOST=ssh://op@" + host.Address, "DOCKER_CONTEXT=nowhere"}, nil, "docker --host ssh://op@" + host.Address + " "},
		{"--host with ssh", nil, []string{"--host", "ssh://root@" + host.Address}, "docker --host ssh://root@" + host.Address + " "},
		{"DOCKER_HOST with TLS", []string{"DOCKER_HOST=tcp://" + host.Address + ":2376", "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + host.CertPath()}, nil,
			"docker --host tcp://" + host.Address + ":2376 --tlsverify --tlscacert "},
	}
	audit := []string{"userns", "audit-image", "--format", "{{.Image}} {{.Verdict}}", "fine:1"}
	for _, way := range ways {
		a := docker(t, host, way.env, append(way.args, audit...)...)
		assert.Check(t, a.code == 0 && a.stdout == "fine:1 mappable\n", "%s: %d %s%s", way.name, a.code, a.stdout, a.stderr)

		a = docker(t, host, way.env, append(way.args, "userns", "audit-image", "--explain", "container ID 5 cannot be mapped to a host ID")...)
		_, command, _ := strings.Cut(a.stderr, "See where it is: ")
		assert.Check(t, strings.HasPrefix(command, way.says), "%s: %s", way.name, a.stderr)
		cmd := host.DockerCommand()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", strings.Replace(command, "IMAGE", "--format '{{.Verdict}}' fine:1", 1)}
		cmd.Env = append(cmd.Env, "DOCKER_CONTEXT=nowhere", "DOCKER_HOST=unix:///nowhere")
		a = ask(t, cmd)
		assert.Check(t, a.code == 0 && a.stdout == "mappable\n", "%s: pasted into another shell: %d %s%s", way.name, a.code, a.stdout, a.stderr)
	}
	host.Docker(t, "context", "use", "root")
	a := docker(t, host, nil, audit...)
	assert.Check(t, a.code == 0 && a.stdout == "fine:1 mappable\n", "docker context use: %d %s%s", a.code, a.stdout, a.stderr)
}

// An engine that cannot be asked is exit code 2, and a message that names it.
func TestEnginesThatDoNotAnswer(t *testing.T) {
	host := boot(t, testbed.Engine28)
	host.ServeTLS(t)
	loadPictures(t, host)
	silent := func(t *testing.T, want string, args ...string) {
		t.Helper()
		a := docker(t, host, nil, append(args, "userns", "audit-image", "fine:1")...)
		assert.Check(t, a.code == 2, "%v: exit code %d\n%s%s", args, a.code, a.stdout, a.stderr)
		assert.Check(t, a.stdout == "", "%v: %s", args, a.stdout)
		assert.Check(t, strings.Contains(a.stderr, want), "%v: %s", args, a.stderr)
		t.Logf("%v: %s", args, a.stderr)
	}
	t.Run("no such context", func(t *testing.T) { silent(t, "nowhere", "--context", "nowhere") })
	t.Run("no such user", func(t *testing.T) {
		silent(t, "Permission denied", "--host", "ssh://nobodyhere@"+host.Address)
	})
	t.Run("a user without rights", func(t *testing.T) { silent(t, "guest", "--context", "guest") })
	t.Run("a port that nobody listens on", func(t *testing.T) {
		silent(t, host.Address, "--host", "tcp://"+host.Address+":1")
	})
	t.Run("TLS without a certificate", func(t *testing.T) {
		silent(t, "ca.pem", "--tls", "--host", "tcp://"+host.Address+":2376")
	})
	t.Run("no such image", func(t *testing.T) {
		a := docker(t, host, nil, "--context", "root", "userns", "audit-image", "missing:1")
		assert.Equal(t, a.code, 2, a.stdout)
		assert.Assert(t, strings.Contains(a.stderr, "missing:1"), a.stderr)
	})
	t.Run("a login that prints", func(t *testing.T) {
		host.Shell(t, "cp -p /home/op/.bashrc /home/op/.kept 2>/dev/null || :; echo 'echo Welcome to the box' >/home/op/.bashrc; usermod -s /bin/bash op")
		silent(t, `prints "Welcome to the box" before the daemon answers`, "--context", "op")
		host.Shell(t, "rm /home/op/.bashrc; mv /home/op/.kept /home/op/.bashrc 2>/dev/null || :")
	})
	t.Run("a login without a shell", func(t *testing.T) {
		host.Shell(t, "usermod -s /usr/sbin/nologin guest")
		silent(t, `the login ended and said "This account is currently not available."`, "--context", "guest")
	})
	t.Run("a link that is lost leaves nothing on the host", func(t *testing.T) {
		sessions := func() string { return host.Shell(t, "pgrep -f '^sshd.*notty' || :") }
		host.Shell(t, "sysctl -q -w net.ipv4.tcp_retries2=3") // else it takes a quarter of an hour to be seen
		watch := host.DockerCommand("--context", "root", "userns", "verify", "--watch", "1h")
		out, err := watch.StdoutPipe()
		assert.NilError(t, err)
		assert.NilError(t, watch.Start())
		defer watch.Process.Kill()
		_, err = out.Read(make([]byte, 1)) // the look is over: nothing is on its way any more
		assert.NilError(t, err)
		time.Sleep(time.Second)
		assert.Check(t, sessions() != "", "the session is not kept")
		mend := host.CutLink(t)
		defer mend()
		assert.NilError(t, watch.Process.Kill())
		_ = watch.Wait()
		waitUntil(t, "the session ends", func() bool { return sessions() == "" })
		waitUntil(t, "nothing that it started is left", func() bool { return host.Shell(t, "pgrep -x sleep || :") == "" })
	})
	t.Run("a host that fell silent", func(t *testing.T) {
		mend := host.CutLink(t)
		silent(t, host.Address, "--context", "root")
		silent(t, host.Address, "--context", "tls")
		mend()
		a := docker(t, host, nil, "--context", "root", "userns", "audit-image", "fine:1")
		assert.Equal(t, a.code, 0, a.stderr)
	})
	t.Run("an engine that is down", func(t *testing.T) {
		host.Run(t, "systemctl", "stop", "docker.socket", "docker.service")
		silent(t, "unix", "--context", "unix")
		silent(t, "root", "--context", "root")
		silent(t, host.Address, "--context", "tls")
	})
}

// waitUntil waits for what takes a while, such as a connection that is given up.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(hangs); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to be that %s", what)
}
