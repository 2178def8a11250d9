package image

import (
	"cmp"
	"context"
	"io"
	"testing"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// savings counts how often images are sent.
type savings struct {
	Engine
	times int
}

func (s *savings) ImageSave(ctx context.Context, names []string, opts ...client.ImageSaveOption) (io.ReadCloser, error) {
	s.times++
	return s.Engine.ImageSave(ctx, names, opts...)
}

// An engine is asked for no layer twice, neither for its records nor for a save.
func TestCachedDaemon(t *testing.T) {
	e := testengine.Start(t, testengine.Options{})
	engine := &savings{Engine: e.Client(t)}
	a := picture{tag: "app:1", user: "5", layers: []string{layer("shared:1:2"), layer("a:1516583083:3")}}
	b := picture{tag: "app:2", layers: []string{layer("shared:1:2"), layer("b:4:5")}}
	load(t, e.Client(t), packed(saved20(a, b)))
	roots, err := host.Daemons(e.Socket)
	assert.NilError(t, err)
	read := func(c *layercache.Cache, at string, names ...string) (*recorder, []Image, int) {
		return readWith(t, c, Daemon{Engine: engine, At: at, Names: names, Hosts: []Files{roots[0]}})
	}
	t.Run("records", func(t *testing.T) {
		c := newCache(t)
		for _, want := range []struct {
			at    string
			reads int
		}{{"here", 3}, {"here", 0}, {"there", 3}, {"here", 0}, {"", 3}, {"", 3}} {
			v, images, reads := read(c, want.at, "app:1", "app:2")
			v.expect(t, images, a, b)
			assert.Equal(t, images[0].Source, "layer-records")
			assert.Equal(t, reads, want.reads, "the engine is %q", want.at)
		}
		assert.Equal(t, engine.times, 0)
		_, _, reads := readWith(t, c, DockerArchive(inFile(t, packed(saved20(a))), Options{}))
		assert.Equal(t, reads, 2, "an engine's word counts for this engine only")
	})
	t.Run("stream", func(t *testing.T) {
		c := newCache(t)
		sent := func(names ...string) (*recorder, []Image, int) {
			engine.times = 0
			return readWith(t, c, Daemon{Engine: engine, At: "here", Names: names})
		}
		first, want, reads := sent("app:1")
		assert.Equal(t, reads, 2)
		assert.Equal(t, engine.times, 1)
		second, got, reads := sent("app:1")
		assert.Equal(t, reads, 0)
		assert.Equal(t, engine.times, 0, "nothing is sent for an image of which all is known")
		assert.Equal(t, second.flatAll(got), first.flatAll(want))
		assert.Equal(t, got[0].Source, want[0].Source)
		assert.Equal(t, got[0].ConfigDigest, want[0].ConfigDigest)
		assert.DeepEqual(t, got[0].Config, want[0].Config)

		v, images, _ := sent("app:1", "app:2")
		v.expect(t, images, a, b)
		assert.Equal(t, engine.times, 1)
		v, images, reads = sent("app:2", "app:1", b.id())
		v.expect(t, images, b, a, b)
		assert.Equal(t, engine.times+reads, 0)

		v, images, reads = readWith(t, c, DockerArchive(inFile(t, packed(saved20(a, b))), Options{}))
		v.expect(t, images, a, b)
		assert.Equal(t, reads, 0, "what was sent is hashed")
		v, images, reads = read(c, "elsewhere", "app:1")
		v.expect(t, images, a)
		assert.Equal(t, reads, 0)
	})
	t.Run("registry", func(t *testing.T) {
		h, c := newHub(t), newCache(t)
		h.push(t, "1", gzipOf, picture{tag: "app:1", user: "5", layers: a.layers})
		readWith(t, c, Registry{Names: []string{h.name("app:1")}})
		engine.times = 0
		v, images, reads := readWith(t, c, Daemon{Engine: engine, Names: []string{"app:1"}})
		v.expect(t, images, a)
		assert.Equal(t, engine.times+reads, 0, "what was read in a registry before it was pulled is not sent")
	})
}

// Layers in containerd's store are read once, here and on a host that is lent a program,
// whose word counts for its engine only.
func TestCachedContentStore(t *testing.T) {
	a := picture{tag: "a:1", user: "5", layers: []string{layer("shared:1:2"), layer("etc/passwd:0:0", "big:1516583083:3")}}
	program := lent(t)
	for packing, pack := range map[string]func(string) string{"plain": plain, "gzip": gzipOf} {
		e := storeOf(t, layout(pack, a))
		c, first := newCache(t), ""
		read := func(from Files, at string) int {
			v, images, reads := readWith(t, c, Daemon{Engine: e, At: at, Names: []string{"a:1"}, Platform: "all", Hosts: []Files{from}, Program: program})
			assert.NilError(t, images[0].Err)
			assert.Equal(t, images[0].Source, sourceContent)
			first = cmp.Or(first, v.flatAll(images))
			assert.Equal(t, v.flatAll(images), first)
			return reads
		}
		lender := sudo(t)
		for _, want := range []struct {
			at    string
			reads int
		}{{"x", 2}, {"x", 0}, {"y", 2}, {"x", 0}, {"", 2}} {
			assert.Equal(t, read(lender, want.at), want.reads, "%s, at %q", packing, want.at)
		}
		if packing == "gzip" { // what is plain is not hashed
			assert.Equal(t, read(here(t), ""), 2)
			assert.Equal(t, read(here(t), ""), 0)
			assert.Equal(t, read(lender, ""), 0)
		}
	}
}
