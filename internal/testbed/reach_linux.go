package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Users of a host: root; op, who may use docker, and sudo with a password; opnp,
// whom sudo asks for none; guest, who may neither. The password of each is its
// name, root's is locked. All can log in with the key that the ssh in Env uses.
var Users = []string{"root", "op", "opnp", "guest"}

// Command is a command to run on the host as root, past ssh and the network.
func (h *Host) Command(args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(h.PID()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"}
	cmd := exec.CommandContext(context.Background(), "nsenter", append(enter, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	return cmd
}

// Run runs a command on the host as root and returns its stdout, without the
// newline at its end.
func (h *Host) Run(tb testing.TB, args ...string) string {
	tb.Helper()
	return output(tb, h.Command(args...))
}

// Shell runs a line of POSIX sh on the host as root, like Run.
func (h *Host) Shell(tb testing.TB, line string) string {
	tb.Helper()
	return h.Run(tb, "sh", "-ec", line)
}

// WriteFile puts a file on the host, and makes the directories above it.
func (h *Host) WriteFile(tb testing.TB, path string, content []byte, mode os.FileMode) {
	tb.Helper()
	cmd := h.Command("install", "-D", "-m", fmt.Sprintf("%o", mode), "/dev/stdin", path)
	cmd.Stdin = bytes.NewReader(content)
	output(tb, cmd)
}

// Env is the environment of a user of this machine that knows the host: the
// docker contexts "unix" and one for each of Users over ssh, an ssh with a key,
// and a home of its own. No DOCKER_ variable of the caller's gets through but
// these.
func (h *Host) Env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "DOCKER_") || slices.Contains([]string{"PATH", "HOME", "SSH_AUTH_SOCK"}, name)
	})
	return append(env,
		"PATH="+filepath.Join(h.state(), "bin")+":"+os.Getenv("PATH"),
		"HOME="+filepath.Join(h.dir, "home"),
		"DOCKER_CONFIG="+h.ConfigDir())
}

// SSH is the ssh of Env, which has the key and knows the host.
func (h *Host) SSH() string { return filepath.Join(h.state(), "bin", "ssh") }

// ConfigDir is the docker configuration directory that Env points to. A plugin
// goes into its folder cli-plugins.
func (h *Host) ConfigDir() string { return filepath.Join(h.dir, "docker") }

// DockerCommand is a call of this machine's docker CLI in Env. Nothing is set as
// the current context: name one.
func (h *Host) DockerCommand(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), "docker", args...)
	cmd.Env = h.Env()
	return cmd
}

// Docker calls this machine's docker CLI in Env and returns its stdout, without
// the newline at its end.
func (h *Host) Docker(tb testing.TB, args ...string) string {
	tb.Helper()
	return output(tb, h.DockerCommand(args...))
}

// makeContexts is called after each boot, since the path of the socket holds a PID.
func (h *Host) makeContexts(tb testing.TB) {
	tb.Helper()
	for _, dir := range []string{"home", "docker/cli-plugins"} {
		if err := os.MkdirAll(filepath.Join(h.dir, dir), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	h.setContext(tb, "unix", "host=unix://"+h.socket())
	for _, user := range Users {
		h.setContext(tb, user, "host=ssh://"+user+"@"+h.Address)
	}
}

func (h *Host) setContext(tb testing.TB, name, endpoint string) {
	tb.Helper()
	if h.DockerCommand("context", "inspect", name).Run() == nil {
		h.Docker(tb, "context", "update", name, "--docker", endpoint)
		return
	}
	h.Docker(tb, "context", "create", name, "--docker", endpoint)
}

func (h *Host) socket() string { return fmt.Sprintf("/proc/%d/root/run/docker.sock", h.PID()) }

func output(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		tb.Fatalf("running %s: %v\n%s%s", cmd, err, stdout.String(), stderr.String())
	}
	return strings.TrimSuffix(stdout.String(), "\n")
}
