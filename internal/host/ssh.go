package host

import (
	"fmt"
	"os/exec"

	"github.com/docker/cli/cli/connhelper/ssh"
)

// root runs a shell as root where that needs no password, and else as whoever
// logged in. It has to mean the same to every login shell, fish and csh
// included. The first sudo only tries: a shell that reads from standard input
// must be the only one that does.
const root = `exec sh -c 'test "$(id -u)" = 0 || { sudo -n sh -c : && exec sudo -n sh; }; exec sh'`

// SSH is the host of a docker endpoint such as ssh://me@db1:2222, reached with
// the user's own ssh(1) and the arguments that docker gives it, so that
// ~/.ssh/config, agents and jump hosts work. It is looked at as root where the
// user is root there or may become it with `sudo -n`. Nothing is connected yet.
func SSH(endpoint string) (Host, error) { return newSSH("ssh", endpoint) }

func newSSH(program, endpoint string) (Host, error) {
	spec, err := ssh.ParseURL(endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading endpoint %s: %w", endpoint, err)
	}
	// As connhelper of docker/cli: no terminal, and an end to waiting.
	args, err := spec.Command([]string{"-o", "ConnectTimeout=30", "-T"}, "exec", "sh")
	if err != nil {
		return nil, fmt.Errorf("reading endpoint %s: %w", endpoint, err)
	}
	args = append(args[:len(args)-1], root)
	return &remote{kind: KindSSH, session: &session{name: spec.Host, command: func() *exec.Cmd {
		cmd := exec.Command(program, args...)
		detach(cmd)
		return cmd
	}}}, nil
}
