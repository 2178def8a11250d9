package idmap

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// The kernel has the last word on numbers of 32 bits. Of a larger one it takes the
// low 32, so that 4294967296 would be the host's root.
func TestErrAgreesWithTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, e := range edges {
		for _, x := range []Extent{{0, e.start, e.size}, {e.start, 0, e.size}} {
			taken, why := kernelTakes(t, x)
			if max(e.start, e.size) > 1<<32-1 {
				assert.Assert(t, x.Err() != nil)
				continue
			}
			assert.Equal(t, taken, x.Err() == nil, "%s: the kernel says %v", x, why)
		}
	}
}

func kernelTakes(t *testing.T, x Extent) (taken bool, why error) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Start(); err != nil {
		t.Skip("needs user namespaces: " + err.Error())
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	line := strings.ReplaceAll(x.String(), ":", " ")
	why = os.WriteFile("/proc/"+strconv.Itoa(cmd.Process.Pid)+"/uid_map", []byte(line), 0)
	return why == nil, why
}
