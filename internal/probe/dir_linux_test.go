package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// rm of busybox follows a link that is put in the place of a folder while it goes
// down into it, and whoever made the folder can do that. It is given none.
func TestRemoveDirGoesDownNowhereWithBusybox(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	for name, path := range map[string]string{"busybox": t.TempDir(), "coreutils": os.Getenv("PATH")} {
		t.Run(name, func(t *testing.T) {
			if name == "busybox" {
				for _, applet := range []string{"rm", "rmdir", "sh"} {
					assert.NilError(t, os.Symlink(busybox, filepath.Join(path, applet)))
				}
			}
			plain, theirs := filepath.Join(t.TempDir(), "plain dir"), filepath.Join(t.TempDir(), "theirs")
			for _, file := range []string{plain + "/mark", plain + "/.hidden", theirs + "/folder/file"} {
				assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				assert.NilError(t, os.WriteFile(file, nil, 0o644))
			}
			c := exec.Command(busybox, "sh", "-c", removeDirScript, "sh", plain, theirs)
			if name == "coreutils" {
				c = exec.Command("sh", "-c", removeDirScript, "sh", plain, theirs)
			}
			c.Env = []string{"PATH=" + path}
			_, _ = c.CombinedOutput()
			_, err := os.Lstat(plain)
			assert.ErrorIs(t, err, os.ErrNotExist)
			_, err = os.Lstat(theirs + "/folder/file")
			assert.Equal(t, err == nil, name == "busybox", "%v", err)
		})
	}
}
