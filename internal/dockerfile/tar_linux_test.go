package dockerfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// A tar that was given --no-same-owner unpacks to the caller, in every style.
func TestNoSameOwnerRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving files away takes root")
	}
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
	assert.NilError(t, os.Chown(filepath.Join(dir, "f"), 1000000, 1000000))
	out, err := exec.Command("tar", "-C", dir, "-cf", filepath.Join(dir, "a.tar"), "f").CombinedOutput()
	assert.NilError(t, err, "%s", out)
	for _, command := range []string{
		"tar xf a.tar", "tar -xf a.tar", "tar -C . --extract --file a.tar", "cat a.tar | tar -x", "(tar xf a.tar >/dev/null)",
		`sh -c "tar -xf 'a.tar'"`, "if tar xf a.tar; then :; fi", "env A=b tar -xpf a.tar",
	} {
		in := New("RUN", command, nil)
		run := Analyze([]*Instruction{in}, "").Runs[in]
		assert.Equal(t, len(run.Tars), 1, command)
		mended := strings.TrimPrefix(in.Apply([]Edit{run.Tars[0].Edit()}), "RUN ")
		cmd := exec.Command("sh", "-ec", mended)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s: %s", mended, out)
		st, err := os.Lstat(filepath.Join(dir, "f"))
		assert.NilError(t, err)
		assert.Equal(t, int(st.Sys().(*syscall.Stat_t).Uid), os.Getuid(), mended)
		assert.NilError(t, os.Remove(filepath.Join(dir, "f")))
	}
}
