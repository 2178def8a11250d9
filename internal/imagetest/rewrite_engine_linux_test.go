package imagetest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/distribution/reference"
	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/rewrite"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"
)

// TestRewrittenVerdicts rewrites generated images, and has a remapped engine load what
// comes of them: it takes every one.
func TestRewrittenVerdicts(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true}).Client(t)
	var changed atomic.Uint64
	var group errgroup.Group
	group.SetLimit(4)
	dir := t.TempDir()
	for n := range images() {
		group.Go(func() error {
			img := imagetest.Generate(2, n)
			from, to := filepath.Join(dir, fmt.Sprintf("%d.tar", n)), filepath.Join(dir, fmt.Sprintf("%d-new.tar", n))
			if err := os.WriteFile(from, img.Archive, 0o600); err != nil {
				return err
			}
			destination, err := rewrite.DockerArchive(to, nil)
			if err != nil {
				return err
			}
			made, err := rewritten(t, image.DockerArchive(from, image.Options{}), destination)
			if err != nil {
				return fmt.Errorf("image %d: %w\n%s", n, err, img.What)
			}
			if made.Changed {
				changed.Add(1)
			}
			archive, err := os.ReadFile(to)
			if err != nil {
				return err
			}
			if verdict, said, err := load(engine, archive); err != nil || verdict != audit.Mappable {
				t.Errorf("image %d: the engine says %s %s: %v\n%s", n, verdict, said, err, img.What)
			}
			return nil
		})
	}
	assert.NilError(t, group.Wait())
	t.Logf("%d images, %d of them changed", images(), changed.Load())
	if changed.Load() < images()/4 {
		t.Errorf("%d images were changed: this proves little", changed.Load())
	}
}

// rewritten rewrites the image of a place.
func rewritten(t *testing.T, place image.Source, to rewrite.Destination) (rewrite.Image, error) {
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size)})
	images, err := place.Images(t.Context(), a)
	if err != nil || images[0].Err != nil {
		return rewrite.Image{}, fmt.Errorf("auditing: %w %w", err, images[0].Err)
	}
	plan, err := a.Renumber(images[0], audit.Given{})
	if err != nil {
		return rewrite.Image{}, err
	}
	made, err := rewrite.Send(t.Context(), place, to, images[0], plan, func() {})
	if err == nil {
		err = to.Commit(t.Context(), []rewrite.Image{made})
	}
	if closed := to.Close(); err == nil {
		err = closed
	}
	return made, err
}

// TestRewrittenImagesRun builds the Dockerfiles of testdata/cures, and sends the images
// from one engine to a remapped one, with new owners. The check that passed in the first
// image must pass there.
func TestRewrittenImagesRun(t *testing.T) {
	all := startBuilders(t)
	remapped := testengine.Start(t, testengine.Options{Remap: true})
	files, err := filepath.Glob("testdata/cures/*.txt")
	assert.NilError(t, err)
	for _, file := range files {
		cases := readCures(t, all, file)
		if len(cases) == 0 || cases[0].name == "env" { // nobody knows which numbers of ENV are IDs
			continue
		}
		c := cases[0]
		t.Run(c.name, func(t *testing.T) {
			if c.base != "" {
				c.build(t, "lower", c.base, nil)
			}
			c.build(t, "before", c.dockerfile, c.args)
			c.mustPass(t, "before")
			made := sent(t, c.builder.engine, remapped, c.tag("before"))
			assert.Assert(t, made.Changed)
			c.builder = &builder{name: c.builder.name, engine: remapped}
			c.mustPass(t, "before")
		})
	}
}

// sent has one engine's image rewritten into another engine, under the same name.
func sent(t *testing.T, from, to *testengine.Engine, name string) rewrite.Image {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(name)
	assert.NilError(t, err)
	place := image.Daemon{Engine: from.Client(t), Names: []string{name}}
	made, err := rewritten(t, place, rewrite.Daemon(t.Context(), to.Client(t), reference.TagNameOnly(ref).(reference.NamedTagged)))
	assert.NilError(t, err)
	got, err := to.Client(t).ImageInspect(t.Context(), name)
	assert.NilError(t, err)
	assert.Equal(t, got.ID, made.ID().String())
	return made
}

// TestEngineKeepsNothingOfAFailure breaks a load off.
func TestEngineKeepsNothingOfAFailure(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	archive := imagetest.Archive("broken:1", "", imagetest.Step{By: "RUN x", Layer: imagetest.Layer(imagetest.File{Name: "x", UID: 70000})})
	path := filepath.Join(t.TempDir(), "broken.tar")
	assert.NilError(t, os.WriteFile(path, archive, 0o600))
	place := image.DockerArchive(path, image.Options{})
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size)})
	images, err := place.Images(t.Context(), a)
	assert.NilError(t, err)
	plan, err := a.Renumber(images[0], audit.Given{})
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(path, bytes.Replace(archive, []byte("x\x00"), []byte("y\x00"), 1), 0o600))
	to := rewrite.Daemon(t.Context(), engine.Client(t), nil)
	_, err = rewrite.Send(t.Context(), place, to, images[0], plan, func() {})
	assert.Assert(t, err != nil)
	assert.NilError(t, to.Close())
	out, err := engine.Docker("image", "ls", "-aq").CombinedOutput()
	assert.NilError(t, err)
	assert.Equal(t, string(out), "")
}
