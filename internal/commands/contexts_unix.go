//go:build unix

package commands

import (
	"os/exec"
	"syscall"
)

// withoutTerminal keeps ssh and sudo from asking for passwords on the terminal, where it would be
// unclear which host asks.
func withoutTerminal(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
