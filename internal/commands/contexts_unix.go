//go:build unix

package commands

import (
	"os/exec"
	"syscall"
)

// withoutTerminal keeps ssh and sudo from asking for passwords on the terminal, where those of
// several hosts could not be told apart.
func withoutTerminal(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
