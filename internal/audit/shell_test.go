//go:build linux

package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// What a fix adds to a command does what it says, by the find of this machine and
// by busybox's.
func TestFixRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving files away takes root")
	}
	a := New(Options{Map: usual})
	finds := map[string]string{"find": "find "}
	if path, err := exec.LookPath("busybox"); err == nil {
		finds["busybox"] = path + " find "
	}
	for name, find := range finds {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "it's here", "node_modules")
			file := filepath.Join(dir, "a", "index.js")
			for _, tail := range []string{
				"find " + quote(dir) + " " + toRoot,
				(&join{Auditor: a}).find([]*group{{owner: owner{UnmappedOwner, 1516583083, 454177323}, common: []byte(dir[1:])}}),
			} {
				assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				assert.NilError(t, os.WriteFile(file, nil, 0o644))
				assert.NilError(t, os.Lchown(file, 1516583083, 454177323))
				out, err := exec.Command("sh", "-c", "true && "+strings.Replace(tail, "find ", find, 1)).CombinedOutput()
				assert.NilError(t, err, "%s", out)
				st, err := os.Lstat(file)
				assert.NilError(t, err)
				assert.Equal(t, st.Sys().(*syscall.Stat_t).Uid, uint32(0), tail)
				assert.Equal(t, st.Sys().(*syscall.Stat_t).Gid, uint32(0), tail)
			}
		})
	}
}

// A tar that was given --no-same-owner unpacks to the caller, in every style.
func TestNoSameOwnerRuns(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "a.tar"), archive(t, entry{name: "f", uid: 1000000, gid: 1000000}), 0o644))
	for _, command := range []string{"tar xf a.tar", "tar -xf a.tar", "tar -C . --extract --file a.tar", "cat a.tar | tar -x", "(tar xf a.tar >/dev/null)"} {
		mended, ok := noSameOwner(command)
		assert.Assert(t, ok, command)
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
