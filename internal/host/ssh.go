package host

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/connhelper/ssh"
)

// root runs a shell as root if that needs no password, and else as whoever
// logged in. It has to mean the same to every login shell, fish and csh
// included. The first sudo only tries: a shell that reads from standard input
// must be the only one that does. What it said goes along in the environment.
const root = `exec sh -c 'test "$(id -u)" = 0 || { refusal=$(sudo -n sh -c : 2>&1) && exec sudo -n sh; export refusal; }; exec sh'`

// flags are those that connhelper of docker/cli gives ssh: no terminal, and an
// end to waiting.
var flags = []string{"-o", "ConnectTimeout=30", "-T"}

// A Dialer is a Host that also leads to the daemon, over the connection that it
// has: DialContext is for a docker client.
type Dialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// SSH is the host of a docker endpoint such as ssh://me@db1:2222, reached with
// the user's own ssh(1) and the arguments that docker gives it, so that
// ~/.ssh/config, agents and jump hosts work. It is looked at as root where the
// user is root there or may become it with `sudo -n`. It is a [Dialer]. Nothing
// is connected yet.
func SSH(endpoint string) (Host, error) { return newSSH("ssh", endpoint) }

func newSSH(program, endpoint string) (Host, error) {
	spec, err := ssh.ParseURL(endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading endpoint %s: %w", endpoint, err)
	}
	args, err := spec.Command(flags, "sh")
	if err != nil {
		return nil, fmt.Errorf("reading endpoint %s: %w", endpoint, err)
	}
	h := &sshHost{spec: spec, shared: &shared{program: program, args: args[:len(args)-1]}}
	h.remote = &remote{kind: KindSSH, session: newSession(spec.Host, h.command)}
	return h, nil
}

type sshHost struct {
	*remote
	spec   *ssh.Spec
	shared *shared
}

// alive ends a connection that is cut within a minute: what waits for an answer
// must not wait for ever.
var alive = []string{"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"}

// command is the shell's ssh, which lets others join its connection.
func (h *sshHost) command() *exec.Cmd {
	args := append(slices.Concat(alive, h.shared.master(), h.shared.args), root)
	cmd := exec.Command(h.shared.program, args...)
	detach(cmd)
	return cmd
}

// DialContext leads to the daemon as docker does, by `docker system dial-stdio`
// on the host. It waits for the shell's connection, to join it.
func (h *sshHost) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := h.join(ctx); err != nil {
		return nil, err
	}
	command := []string{"docker", "system", "dial-stdio"}
	if strings.Trim(h.spec.Path, "/") != "" {
		command = []string{"docker", "--host=unix://" + h.spec.Path, "system", "dial-stdio"}
	}
	args, err := h.spec.Command(append(h.shared.join(), flags...), command...)
	if err != nil {
		return nil, fmt.Errorf("reaching the daemon on %s: %w", h.spec.Host, err)
	}
	conn, err := h.shared.pipe(ctx, args)
	if err != nil {
		return nil, err
	}
	return &quiet{Conn: conn, host: h.spec.Host, why: func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), whyTime)
		defer cancel()
		return h.connect(ctx, nil)
	}}, nil
}

// join waits until an ssh can join the shell's connection.
func (h *sshHost) join(ctx context.Context) error {
	if h.up.isSet() {
		return nil
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	return h.connect(ctx, h.shared.joinable(waiting))
}

// whyTime is how long a host is asked why its daemon said nothing.
const whyTime = 10 * time.Second

func (h *sshHost) Close() error {
	err := h.remote.Close()
	h.shared.remove()
	return err
}
