package carry_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
)

// ofOneVolume is the job of a data root that has nothing but a volume.
func ofOneVolume(t *testing.T) carry.Job {
	t.Helper()
	needRoot(t)
	from := t.TempDir()
	sh(t, from, "mkdir -p image/overlay2/imagedb/content/sha256 image/overlay2/layerdb/sha256 volumes/vv/_data; echo f >volumes/vv/_data/f; echo g >volumes/vv/_data/g")
	return carry.Job{From: from, To: filepath.Join(from, ".twin"), Place: filepath.Join(from, "100000.100000"), Map: shift.Map, Volumes: []string{"vv"}}
}

// A container may put anything in the place of a file once it runs: the comparison opens
// nothing but files.
func TestCheckOpensOnlyFiles(t *testing.T) {
	job := ofOneVolume(t)
	assert.NilError(t, prepare(t, job))
	finish(t, job)
	data := filepath.Join(job.Place, "volumes/vv/_data")
	sh(t, data, "sleep 0.02; rm f; mkfifo f")
	writer, err := os.OpenFile(filepath.Join(data, "f"), os.O_RDWR, 0) // who reads it waits for more
	assert.NilError(t, err)
	defer writer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type answer struct {
		carry.Compared
		err error
	}
	done := make(chan answer, 1)
	go func() {
		c, err := placed(job).Check(ctx)
		done <- answer{c, err}
	}()
	select {
	case a := <-done:
		assert.NilError(t, a.err)
		assert.Assert(t, a.Changed == 1 && a.Files == 1 && len(a.Differ) == 0, "%+v", a)
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for a fifo")
	}
}

// What is in the place of a twin, such as a link of the administrator, stays.
func TestPlaceIsTaken(t *testing.T) {
	job := ofOneVolume(t)
	assert.NilError(t, os.Symlink("/nowhere", job.Place))
	m, err := job.Measure(t.Context(), 2)
	assert.NilError(t, err)
	assert.Assert(t, m.Existing)
	assert.NilError(t, prepare(t, job))
	_, err = carry.Finish(t.Context(), job.To, 2)
	assert.ErrorContains(t, err, "make room for the copy")
	link, err := os.Readlink(job.Place)
	assert.NilError(t, err)
	assert.Equal(t, link, "/nowhere")
}
