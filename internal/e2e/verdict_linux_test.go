package e2e

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

var (
	seed  = flag.Uint64("seed", 0, "replay the images of this seed")
	count = flag.Uint64("images", 500, "how many images are generated for each engine")
)

// What the plugin says of generated images, each engine says too. A difference
// is replayed with -args -seed N.
func TestVerdictsOfEachEngine(t *testing.T) {
	plugin(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	images, ours := auditGenerated(t)
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		var refused atomic.Int64
		var group errgroup.Group
		group.SetLimit(4)
		for _, img := range images {
			group.Go(func() error {
				theirs, words := "mappable", host.Load(t.Context(), bytes.NewReader(img.Archive))
				if words != nil {
					theirs = "unmappable"
					refused.Add(1)
					assert.Check(t, strings.Contains(words.Error(), "cannot be mapped to a host ID"), "%s: %v\n%s", img.Name, words, img.What)
				}
				assert.Check(t, ours[img.Name].Verdict == theirs, "%s: we say %s, the engine %s: %v\n%s", img.Name, ours[img.Name].Verdict, theirs, words, img.What)
				return nil
			})
		}
		_ = group.Wait()
		t.Logf("%d images, %d of them refused", len(images), refused.Load())
		assert.Assert(t, refused.Load() > 0 && refused.Load() < int64(len(images)), "all images had one verdict: this compares nothing")
	})
}

// auditGenerated makes images and has one call of the plugin audit them all.
func auditGenerated(t *testing.T) ([]imagetest.Image, map[string]report) {
	t.Helper()
	host := boot(t, testbed.Engine28) // for its docker configuration alone
	dir := t.TempDir()
	args := []string{"userns", "audit-image", "--format", "json", "--id-map", "0:100000:65536"}
	var images []imagetest.Image
	for n := range *count {
		img := imagetest.Generate(*seed, n)
		file := filepath.Join(dir, strconv.FormatUint(n, 10)+".tar")
		assert.NilError(t, os.WriteFile(file, img.Archive, 0o600))
		images, args = append(images, img), append(args, file)
	}
	a := docker(t, host, nil, args...)
	assert.Equal(t, a.code, 1, a.stderr)
	ours := reports(t, a)
	assert.Equal(t, len(ours), len(images), a.stderr)
	return images, ours
}
