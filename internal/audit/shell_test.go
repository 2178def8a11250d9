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

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// What a fix adds to a command does what it says, by the find of this machine and
// by busybox's.
func TestFixRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving files away takes root")
	}
	a := New(Options{Map: usual})
	moves := []move{{from: 1516583083}, {from: 454177323, group: true}}
	finds := map[string]string{"find": "find "}
	if path, err := exec.LookPath("busybox"); err == nil {
		finds["busybox"] = path + " find "
	}
	for name, find := range finds {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "it's here", "node_modules")
			file := filepath.Join(dir, "a", "index.js")
			for _, tail := range []string{
				"find " + sh.Word(dir) + " " + toRootTest,
				a.join(image.Image{}, nil).find(moves, []*group{{owner: owner{UnmappedOwner, 1516583083, 454177323}, common: []byte(dir[1:])}}),
				findIn(dir, moves),
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
