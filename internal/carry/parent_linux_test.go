package carry

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// The last pass ends with the shell that started it, however that ends: an undo comes next.
func TestEndsWithParent(t *testing.T) {
	if os.Getenv("CARRY_CHILD") != "" {
		assert.NilError(t, EndWithParent())
		fmt.Println("child", os.Getpid())
		time.Sleep(time.Minute)
		return
	}
	shell := exec.Command("sh", "-c", `"$0" -test.run='^TestEndsWithParent$' -test.v & wait`, os.Args[0])
	shell.Env = append(os.Environ(), "CARRY_CHILD=yes")
	out, err := shell.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, shell.Start())
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(strings.TrimSpace(lines.Text()), "child %d", &pid)
	}
	assert.Assert(t, pid > 0)
	assert.NilError(t, shell.Process.Kill())
	_ = shell.Wait()
	for range 100 {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(status), ") Z ") { // ended, though nobody may have waited for it
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	t.Fatal("the child goes on without its parent")
}
