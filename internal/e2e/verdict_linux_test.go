package e2e

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
		judge(t, host, images, ours)
	})
}

// judge loads images into a remapped engine, and compares what it says of each with what
// the plugin says. It gives the names of those that the engine takes.
func judge(t *testing.T, host *testbed.Host, images []imagetest.Image, ours map[string]report) (taken []string) {
	t.Helper()
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(4)
	for _, img := range images {
		group.Go(func() error {
			theirs, words := "mappable", host.Load(t.Context(), bytes.NewReader(img.Archive))
			mu.Lock()
			defer mu.Unlock()
			if words == nil {
				taken = append(taken, img.Name)
			} else {
				theirs = "unmappable"
				assert.Check(t, strings.Contains(words.Error(), "cannot be mapped to a host ID"), "%s: %v\n%s", img.Name, words, img.What)
			}
			assert.Check(t, ours[img.Name].Verdict == theirs, "%s: we say %s, the engine %s: %v\n%s", img.Name, ours[img.Name].Verdict, theirs, words, img.What)
			return nil
		})
	}
	_ = group.Wait()
	t.Logf("%d images, %d of them refused", len(images), len(images)-len(taken))
	assert.Assert(t, len(taken) > 0 && len(taken) < len(images), "all images had one verdict: this compares nothing")
	return taken
}

// An engine that was upgraded to 29 keeps its images in overlay2. What the plugin says of
// them is the same from their archives, from the engine's layer records and as the engine sends
// them, before and with remap, and the engine says it too.
func TestVerdictsOfAnUpgradedEngine(t *testing.T) {
	host := boot(t, testbed.Engine28)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	images, ours := audited(t, host, *count/4)
	held := map[string]report{}
	for _, img := range images {
		if host.Load(t.Context(), bytes.NewReader(img.Archive)) == nil { // a file system has no room for some owners
			held[img.Name] = ours[img.Name]
		}
	}
	host.Upgrade(t)
	same := func(want map[string]report, flags ...string) {
		t.Helper()
		for context, source := range map[string]string{"root": "layer-records", "op": "daemon"} {
			a := docker(t, host, nil, append([]string{"--context", context, "userns", "audit-image", "--format", "json", "--all"}, flags...)...)
			got := reports(t, a)
			assert.Equal(t, len(got), len(want), "%s: %s", context, a.stderr)
			for name, r := range got {
				assert.Equal(t, r.Source, source, name)
				assert.Equal(t, r.Verdict, want[name].Verdict, "%s, %s", name, source)
				assert.DeepEqual(t, r.Findings, want[name].Findings)
			}
		}
	}
	same(held, "--id-map", "0:100000:65536")

	host.Remap(t, 100000, 65536)
	assert.Equal(t, host.Shell(t, "docker info --format '{{.ServerVersion}} {{.Driver}}' | sed 's/[.][^ ]*//'"), "29 overlay2")
	taken := map[string]report{}
	for _, name := range judge(t, host, images, ours) {
		taken[name] = ours[name]
	}
	same(taken)
}

// auditGenerated makes images and has one call of the plugin audit them all.
func auditGenerated(t *testing.T) ([]imagetest.Image, map[string]report) {
	t.Helper()
	return audited(t, boot(t, testbed.Engine28), *count) // for its docker configuration alone
}

func audited(t *testing.T, host *testbed.Host, count uint64) ([]imagetest.Image, map[string]report) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"userns", "audit-image", "--format", "json", "--id-map", "0:100000:65536"}
	var images []imagetest.Image
	for n := range count {
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
