package host

import (
	"context"
	"os"
	"os/exec"
)

// Ask gets leave to be root, by asking for a password where need be.
type Ask func(ctx context.Context) error

// AskOnTerminal lets sudo ask for its password on the terminal of this process.
func AskOnTerminal(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "sudo", "-v")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	return cmd.Run()
}

// Sudo is this machine, looked at as root through sudo(8). If sudo wants a
// password, ask is called once; without ask the host answers with what sudo
// said. Nothing is started yet.
func Sudo(ask Ask) Host {
	s := newSession("this machine through sudo", func() *exec.Cmd { return exec.Command("sudo", "-n", "sh") })
	s.ask = ask
	return &remote{kind: KindSudo, session: s}
}
