package remap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/probe"
)

// What deletes a tree checks again whether it may.
func TestDeletion(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "with a blank", "1.1")
	volume := filepath.Join(tree, "volumes", "db data", "_data")
	for _, dir := range []string{volume, filepath.Join(tree, "containers"), filepath.Join(tree, "volumes", probes, "_data")} {
		assert.NilError(t, os.MkdirAll(dir, 0o755))
	}
	assert.NilError(t, os.Chmod(tree, 0o710))
	assert.NilError(t, os.WriteFile(filepath.Join(volume, "f"), nil, 0o644))
	assert.NilError(t, os.WriteFile(filepath.Join(tree, "volumes", probes, "_data", probe.Name+"-0123456789ab-0"), nil, 0o644))
	out, err := exec.Command("stat", "-c", "%W", tree).Output()
	assert.NilError(t, err)
	born, uid, gid := strings.TrimSpace(string(out)), fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid())
	refused := func(why string, args ...string) {
		t.Helper()
		said, err := exec.Command("sh", append([]string{"-c", deletion, "sh"}, args...)...).CombinedOutput()
		assert.Assert(t, err != nil && strings.Contains(string(said), why), "%v %s", err, said)
		_, err = os.Stat(filepath.Join(volume, "f"))
		assert.NilError(t, err)
	}
	refused("volume db data is no longer empty", tree, born, uid, gid, "other")
	odd := filepath.Join(tree, "volumes", "odd")
	assert.NilError(t, os.MkdirAll(filepath.Join(odd, "_data", "\n"), 0o755))
	refused("volume odd is no longer empty", tree, born, uid, gid, "db data")
	assert.NilError(t, os.RemoveAll(odd))
	if born != "0" && born != "-" {
		refused("was created again by somebody else", tree, "1000000000", uid, gid, "db data")
	}
	assert.NilError(t, os.Chmod(tree, 0o775))
	refused("owner and mode", tree, born, uid, gid, "db data")
	assert.NilError(t, os.Chmod(tree, 0o710))
	for _, name := range []string{"release.txt", ".backup", "..backup"} {
		foreign := filepath.Join(tree, name)
		assert.NilError(t, os.WriteFile(foreign, nil, 0o644))
		refused(name+" does not belong to dockerd", tree, born, uid, gid, "db data")
		assert.NilError(t, os.Remove(foreign))
	}
	assert.NilError(t, os.Rename(filepath.Join(tree, "containers"), filepath.Join(tree, "image")))
	refused("no directory containers", tree, born, uid, gid, "db data")
	assert.NilError(t, os.Rename(filepath.Join(tree, "image"), filepath.Join(tree, "containers")))

	if os.Geteuid() == 0 {
		mount := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs none "$1/containers" && exec sh -c "$2" sh "$1" - 0 0`, "sh", tree, deletion)
		said, err := mount.CombinedOutput()
		assert.Assert(t, err != nil && strings.Contains(string(said), "is mounted there"), "%v %s", err, said)
	}
	said, err := exec.Command("sh", "-c", deletion, "sh", tree, born, uid, gid, "db data").CombinedOutput()
	assert.NilError(t, err, string(said))
	_, err = os.Stat(tree)
	assert.Assert(t, os.IsNotExist(err))
}

// probes is a volume that nobody named, of a probe.
var probes = strings.Repeat("0123456789abcdef", 4)

func TestInventory(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "1.1")
	for _, dir := range []string{"containers/a", "image/overlay2/imagedb/content/sha256/x", "volumes/db data/_data/d", "volumes/empty/_data", "volumes/" + probes + "/_data"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(tree, dir), 0o755))
	}
	assert.NilError(t, os.WriteFile(filepath.Join(tree, "volumes", probes, "_data", probe.Name+"-0123456789ab-1000"), nil, 0o644))
	assert.NilError(t, os.Chmod(tree, 0o710))
	said, err := exec.Command("sh", "-c", inventory, "sh", tree, "1000000000", fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid())).CombinedOutput()
	if out, _ := exec.Command("stat", "-c", "%W", tree).Output(); len(out) > 2 {
		assert.Assert(t, err != nil && strings.Contains(string(said), "was created again by somebody else"), "%v %s", err, said)
	}
	said, err = exec.Command("sh", "-c", inventory, "sh", tree, "-", fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid())).Output()
	assert.NilError(t, err)
	var got Tree
	got.list(string(said))
	assert.Equal(t, got.Containers, 1)
	assert.Equal(t, got.Images, 1)
	assert.Equal(t, len(got.Volumes), 1)
	assert.Equal(t, got.Volumes[0].Name, "db data")
	assert.Assert(t, strings.HasSuffix(string(said), "\nend\n"))
}
