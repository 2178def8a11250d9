package access

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// The kernel is asked too: as another user, test(1) says what may be done with
// files of every mode.
func TestAgreesWithKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	const uid, gid, other = 101000, 101001, 101002
	dir := t.TempDir()
	assert.NilError(t, os.Chmod(filepath.Dir(dir), 0o755))
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if s, err := os.Stat(at); err != nil || s.Mode()&1 == 0 {
			t.Skipf("%s cannot be traversed by others", at)
		}
	}
	for mode := range os.FileMode(0o1000) {
		if mode%9 != 0 && mode%7 != 0 {
			continue
		}
		for _, owner := range [][2]int{{uid, gid}, {0, gid}, {0, other}, {0, 0}} {
			path := filepath.Join(dir, strconv.Itoa(int(mode))+"-"+strconv.Itoa(owner[0])+"-"+strconv.Itoa(owner[1]))
			assert.NilError(t, os.WriteFile(path, nil, 0o600))
			assert.NilError(t, os.Chown(path, owner[0], owner[1]))
			assert.NilError(t, os.Chmod(path, mode))
		}
	}
	cmd := exec.Command("sh", "-c", `cd "$1" && for f in *; do p=; test -r $f && p=r; test -w $f && p=${p}w; test -x $f && p=${p}x; echo "$f $p"; done`, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{other}}}
	out, err := cmd.Output()
	assert.NilError(t, err)
	want := ""
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		assert.NilError(t, err)
		st := info.Sys().(*syscall.Stat_t)
		perm := Process{UID: uid, GID: gid, Groups: []int64{other}}.To(host.Stat{Mode: info.Mode(), UID: int64(st.Uid), GID: int64(st.Gid)})
		want += e.Name() + " " + letters(perm) + "\n"
	}
	assert.Equal(t, string(out), want)
}

func letters(p Perm) string {
	s := ""
	for _, c := range p.String() {
		if c != '-' {
			s += string(c)
		}
	}
	return s
}
