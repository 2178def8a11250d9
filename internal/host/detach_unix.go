//go:build !windows

package host

import (
	"os/exec"
	"syscall"
)

// detach takes a command out of the terminal's reach, so that Ctrl-C ends what
// this program does in good order, and not the connection it needs for that.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
