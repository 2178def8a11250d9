package imagetest_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
)

var (
	seed  = flag.Uint64("seed", 0, "replay the images of this seed")
	count = flag.Uint64("images", 500, "how many images are generated")
)

// TestVerdicts loads generated images into a remapped engine, and holds what
// the engine says of each against our verdict.
func TestVerdicts(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	api := engine.Client(t)
	var refused atomic.Uint64
	var group errgroup.Group
	group.SetLimit(4)
	for n := range images() {
		group.Go(func() error {
			img := imagetest.Generate(*seed, n)
			ours, err := verdict(img.Archive)
			if err != nil {
				return fmt.Errorf("image %d of seed %d: %w\n%s", n, *seed, err, img.What)
			}
			theirs, said, err := load(api, img.Archive)
			if err != nil {
				return fmt.Errorf("image %d of seed %d: %w\n%s", n, *seed, err, img.What)
			}
			if theirs == audit.Unmappable {
				refused.Add(1)
			}
			if ours != theirs {
				t.Errorf("image %d of seed %d: we say %s, the engine %s: %s\n%s", n, *seed, ours, theirs, said, img.What)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d images, %d of them refused", images(), refused.Load())
	if refused.Load() == 0 || refused.Load() == images() {
		t.Errorf("all images had one verdict: this compares nothing")
	}
}

func verdict(archive []byte) (audit.Verdict, error) {
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: 1})
	images, err := image.Stream("generated", bytes.NewReader(archive), image.Options{}).Images(context.Background(), a)
	if err != nil {
		return "", err
	}
	if len(images) != 1 {
		return "", fmt.Errorf("%d images in the archive", len(images))
	}
	return a.Report(images[0]).Verdict, images[0].Err
}

var cannotBeMapped = regexp.MustCompile(`(?i)container ID -?\d+ cannot be mapped to a host ID`)

// images is how many images are generated.
func images() uint64 {
	if testing.Short() {
		return min(*count, 60)
	}
	return *count
}

// load gives the engine's verdict, and its words.
func load(api *client.Client, archive []byte) (audit.Verdict, string, error) {
	resp, err := api.ImageLoad(context.Background(), bytes.NewReader(archive))
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	said := string(b)
	switch {
	case err != nil:
		return "", said, err
	case cannotBeMapped.MatchString(said):
		return audit.Unmappable, cannotBeMapped.FindString(said), nil
	case strings.Contains(said, `"error"`) || !strings.Contains(said, "Loaded image"):
		return "", said, fmt.Errorf("loading: %s", said)
	}
	return audit.Mappable, said, nil
}
