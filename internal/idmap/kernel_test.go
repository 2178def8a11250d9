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

// edges are ranges at the edges of what 32 bits hold.
var edges = []struct {
	start, size int64
	want        string
}{
	{0, 1, ""},
	{100000, 65536, ""},
	{4294901759, 65536, ""},
	{4294967294, 1, ""},
	{0, 4294967295, ""},
	{4294967295, 1, "past 4294967294"},
	{4294901760, 65536, "past 4294967294"},
	{4294967296, 65536, "past 4294967294"},
	{4294967296, 4294967296, "past 4294967294"},
	{1, 1<<63 - 1, "past 4294967294"},
	{1<<63 - 1, 1<<63 - 1, "past 4294967294"},
	{5, 0, "maps nothing"},
	{5, -1, "maps nothing"},
	{-1, 2, "below 0"},
}

func TestErr(t *testing.T) {
	for _, e := range edges {
		err := Range{Start: e.start, Size: e.size}.Err()
		outside := Extent{HostID: e.start, Size: e.size}.Err()
		inside := Map{UID: Extents{{0, 0, 1}}, GID: Extents{{ContainerID: e.start, Size: e.size}}}.Err()
		if e.want == "" {
			assert.NilError(t, err)
			assert.NilError(t, outside)
			assert.NilError(t, inside)
			continue
		}
		assert.ErrorContains(t, err, e.want, "%d:%d", e.start, e.size)
		assert.ErrorContains(t, outside, e.want)
		assert.ErrorContains(t, inside, e.want)
	}
	assert.ErrorContains(t, Map{UID: make(Extents, MaxExtents+1)}.Err(), "of 341 ranges")
}

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
