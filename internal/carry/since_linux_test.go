package carry

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestChangedSince(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after string
		want          bool
	}{
		"nothing":                     {},
		"a file":                      {after: "echo >>f", want: true},
		"a file further down":         {after: "echo >>d/e/g", want: true},
		"a new file":                  {after: "echo >d/e/h", want: true},
		"a new folder":                {after: "mkdir d/h", want: true},
		"a file is gone":              {after: "rm d/e/g", want: true},
		"a link is another one":       {before: "ln -s a l", after: "ln -sfn b l", want: true},
		"a file of the future":        {before: "touch -d '+1 day' f"},
		"another owner":               {after: "chown 7 f", want: true},
		"a file of a backup":          {after: "touch -d 2020-01-01 ../g; cp -p ../g f", want: true},
		"all of a backup":             {after: "cp -a . ../b; touch -d 2020-01-01 ../b; rm d/e/g; cp -a ../b/. .", want: true},
		"a file is read":              {after: "cat f d/e/g >/dev/null"},
		"a link that leads elsewhere": {before: "ln -s /proc l"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "data")
			assert.NilError(t, os.Mkdir(folder, 0o700))
			run := func(script string) {
				cmd := exec.Command("sh", "-ec", script)
				cmd.Dir = folder
				out, err := cmd.CombinedOutput()
				assert.NilError(t, err, "%s", out)
			}
			run("echo >f; mkdir -p d/e; echo >d/e/g; " + tc.before)
			time.Sleep(20 * time.Millisecond) // more than a tick of the clock of files
			since := time.Now()
			time.Sleep(20 * time.Millisecond)
			run(tc.after)
			changed, err := changedSince(t.Context(), folder, since)
			assert.NilError(t, err)
			assert.Equal(t, changed, tc.want)
		})
	}
}

func TestInventoryOfAVolumeElsewhere(t *testing.T) {
	place := t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(place, "volumes/moved"), 0o700))
	assert.NilError(t, os.Symlink("/srv", filepath.Join(place, "volumes/moved/_data")))
	_, err := Job{Place: place, Aside: filepath.Join(place, "aside"), Record: place}.inventory(t.Context())
	assert.ErrorContains(t, err, "or move "+filepath.Join(place, "volumes/moved")+" out of the data root")
}
