package access

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// What is said of a file is compared with whether containers of a remapped engine
// can open it, to read and to write: as root, and as another user.
func TestAgreesWithContainers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an engine")
	}
	e := testengine.Start(t, testengine.Options{Remap: true})
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skipf("needs a static busybox (on Debian: apt-get install busybox-static): %v", err)
	}
	setfacl, err := exec.LookPath("setfacl")
	if err != nil {
		t.Skip("needs setfacl (on Debian: apt-get install acl)")
	}
	image, dir := t.TempDir(), t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(image, "busybox"), busybox, 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(image, "Dockerfile"), []byte("FROM scratch\nCOPY busybox /bin/sh\n"), 0o644))
	docker(t, e, "build", "--network=none", "-q", "-t", "busybox", image)

	stats := map[string]host.Stat{}
	for _, owner := range [][2]int{{0, 0}, {1000, 1000}, {100000, 100000}, {101000, 0}, {101000, 101000}, {102000, 101005}} {
		for _, mode := range []os.FileMode{0o700, 0o640, 0o606, 0o070, 0o007, 0o000} {
			for _, acl := range []string{"", "u:101000:rw", "g:101005:rx,m::r"} {
				name := fmt.Sprintf("%d-%d-%o-%s", owner[0], owner[1], mode, acl)
				path := filepath.Join(dir, name)
				assert.NilError(t, os.WriteFile(path, nil, 0o600))
				assert.NilError(t, os.Chown(path, owner[0], owner[1]))
				assert.NilError(t, os.Chmod(path, mode))
				s := host.Stat{UID: int64(owner[0]), GID: int64(owner[1])}
				if acl != "" {
					out, err := exec.Command(setfacl, "-m", acl, "--", path).CombinedOutput()
					assert.NilError(t, err, "%s", out)
					s.ACL = entries(acl, mode)
				}
				info, err := os.Lstat(path)
				assert.NilError(t, err)
				assert.Equal(t, info.Sys().(*syscall.Stat_t).Uid, uint32(owner[0]))
				s.Mode = info.Mode()
				stats[name] = s
			}
		}
	}
	m := idmap.Single(testengine.Base, testengine.Size)
	for user, groups := range map[int64][]int64{0: nil, 1000: {1005}} {
		args := []string{"run", "--rm", "--network=none", "-u", fmt.Sprintf("%d:%d", user, user), "-v", dir + ":/d"}
		for _, g := range groups {
			args = append(args, "--group-add", fmt.Sprint(g))
		}
		out := docker(t, e, append(args, "busybox", "/bin/sh", "-c", `cd /d && for f in *; do p=; (: <$f) 2>/dev/null && p=r; (: >>$f) 2>/dev/null && p=${p}w; echo "$f $p"; done`)...)
		p, ok := Mapped(m, user, user, groups)
		assert.Assert(t, ok)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		assert.Equal(t, len(lines), len(stats), out)
		for _, line := range lines {
			name, can, _ := strings.Cut(line, " ")
			assert.Equal(t, letters(p.To(stats[name])&^Execute), can, "user %d: %s %v", user, name, stats[name])
		}
	}
}

func docker(t *testing.T, e *testengine.Engine, args ...string) string {
	t.Helper()
	cmd := e.Docker(args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(t, err, "%s", stderr.String())
	return string(out)
}

// entries are the ACL that setfacl makes of a mode: of the owning group it keeps
// the bits, and the mask is the union if none is given.
func entries(acl string, mode os.FileMode) host.ACL {
	owner, group, other := uint8(mode>>6&7), uint8(mode>>3&7), uint8(mode&7)
	list := []host.ACLEntry{{Tag: host.ACLUserObj, ID: -1, Perm: owner}, {Tag: host.ACLGroupObj, ID: -1, Perm: group}, {Tag: host.ACLOther, ID: -1, Perm: other}}
	switch acl {
	case "u:101000:rw":
		list = append(list, host.ACLEntry{Tag: host.ACLUser, ID: 101000, Perm: 6}, host.ACLEntry{Tag: host.ACLMask, ID: -1, Perm: group | 6})
	case "g:101005:rx,m::r":
		list = append(list, host.ACLEntry{Tag: host.ACLGroup, ID: 101005, Perm: 5}, host.ACLEntry{Tag: host.ACLMask, ID: -1, Perm: 4})
	}
	return host.ACL{Entries: list}
}
