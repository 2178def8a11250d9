package remap

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// What deletes a tree looks once more whether it may.
func TestDeletion(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "with a blank", "1.1")
	volume := filepath.Join(tree, "volumes", "db data", "_data")
	assert.NilError(t, os.MkdirAll(volume, 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(volume, "f"), nil, 0o644))
	said, err := exec.Command("sh", "-c", deletion, "sh", tree, "other").CombinedOutput()
	assert.Assert(t, err != nil && strings.Contains(string(said), "volume db data holds something"), "%v %s", err, said)

	if os.Geteuid() == 0 {
		mount := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs none "$1/volumes" && exec sh -c "$2" sh "$1"`, "sh", tree, deletion)
		said, err = mount.CombinedOutput()
		assert.Assert(t, err != nil && strings.Contains(string(said), "is mounted there"), "%v %s", err, said)
	}
	_, err = os.Stat(filepath.Join(volume, "f"))
	assert.NilError(t, err)

	said, err = exec.Command("sh", "-c", deletion, "sh", tree, "db data").CombinedOutput()
	assert.NilError(t, err, string(said))
	_, err = os.Stat(tree)
	assert.Assert(t, os.IsNotExist(err))
}

func TestInventory(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "1.1")
	for _, dir := range []string{"containers/a", "image/overlay2/imagedb/content/sha256/x", "volumes/db data/_data/d", "volumes/empty/_data"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(tree, dir), 0o755))
	}
	said, err := exec.Command("sh", "-c", inventory, "sh", tree).Output()
	assert.NilError(t, err)
	got := treeOf(tree, string(said))
	assert.Equal(t, got.Containers, 1)
	assert.Equal(t, got.Images, 1)
	assert.Equal(t, len(got.Volumes), 1)
	assert.Equal(t, got.Volumes[0].Name, "db data")
	assert.Assert(t, strings.HasSuffix(string(said), "\nend\n"))
}
