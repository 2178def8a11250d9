package image

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// counter is a recorder that counts the layers which do not come out of a cache.
type counter struct {
	*recorder
	reads *int
}

func (c counter) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	if !strings.HasSuffix(fmt.Sprintf("%T", headers), ".player") {
		c.mu.Lock()
		*c.reads++
		c.mu.Unlock()
	}
	return c.recorder.Layer(ctx, blob, headers)
}

func newCache(t testing.TB) *layercache.Cache {
	t.Helper()
	c, err := layercache.Open(t.TempDir(), layercache.Size)
	assert.NilError(t, err)
	t.Cleanup(c.Close)
	return c
}

// readWith reads a source, and says how many layers were not in the cache.
func readWith(t testing.TB, c *layercache.Cache, s Source) (*recorder, []Image, int) {
	t.Helper()
	v, reads := newRecorder(), 0
	images, err := s.Images(t.Context(), Cached{counter{v, &reads}, c})
	assert.NilError(t, err)
	return v, images, reads
}

// A layer that was read in one place is known in all others, however it is compressed there.
func TestCachedFromAnyPlace(t *testing.T) {
	h := newHub(t)
	h.push(t, "gzip", gzipOf, one)
	h.push(t, "zstd", zstdOf, one)
	h.push(t, "plain", plain, one)
	old, stream := packed(saved20(one)), packed(saved25(one))
	places := map[string]func() Source{
		"registry, gzip":   func() Source { return Registry{Names: []string{h.name("app:gzip")}} },
		"registry, zstd":   func() Source { return Registry{Names: []string{h.name("app:zstd")}} },
		"registry, plain":  func() Source { return Registry{Names: []string{h.name("app:plain")}} },
		"OCI archive":      func() Source { return OCIArchive(inFile(t, packed(layout(gzipOf, one))), Options{}) },
		"OCI folder":       func() Source { return OCIDir(inFolder(t, layout(zstdOf, one)), Options{}) },
		"stream":           func() Source { return Stream("-", strings.NewReader(string(stream)), Options{}) },
		"docker save's":    func() Source { return DockerArchive(inFile(t, old), Options{}) },
		"docker save's 25": func() Source { return DockerArchive(inFile(t, stream), Options{}) },
	}
	for first := range places {
		if strings.HasPrefix(first, "docker") {
			continue // whose files are not hashed
		}
		for second, place := range places {
			c := newCache(t)
			v, images, reads := readWith(t, c, places[first]())
			v.expect(t, images, one)
			assert.Equal(t, reads, 2)
			v, images, reads = readWith(t, c, place())
			v.expect(t, images, one)
			assert.Equal(t, reads, 0, "%s after %s", second, first)
		}
	}
}

// Of 100 images in a registry, of which each is audited alone, every layer is fetched once, and
// later only what is new.
func TestCachedRegistry(t *testing.T) {
	const images = 100
	h, c := newHub(t), newCache(t)
	var all []picture
	for n := range images {
		p := picture{tag: "app", user: fmt.Sprint(n)}
		for k := range 4 {
			p.layers = append(p.layers, layer(fmt.Sprintf("shared-%d:1:2", k)))
		}
		p.layers = append(p.layers, layer(fmt.Sprintf("own-%d:%d:2", n, n)))
		h.push(t, fmt.Sprint(n), gzipOf, p)
		all = append(all, p)
	}
	for round := range 2 {
		for n, p := range all {
			v, got, _ := readWith(t, c, Registry{Names: []string{h.name(fmt.Sprint("app:", n))}})
			v.expect(t, got, p)
		}
		for _, p := range all {
			for _, l := range p.layers {
				assert.Equal(t, h.times(hex(gzipOf(l))), 1)
			}
			assert.Equal(t, h.times(hex(p.config())), round+1)
		}
	}
}

// An image that claims to have a layer of a digest says nothing of another image's blob.
func TestClaimsOfImages(t *testing.T) {
	fine, bad := picture{tag: "app", layers: []string{layer("fine:0:0")}}, picture{tag: "app", layers: []string{layer("bad:70000:0")}}
	h, c := newHub(t), newCache(t)
	h.push(t, "fine", gzipOf, fine)
	h.push(t, "honest", gzipOf, bad)
	config := describe(ocispec.MediaTypeImageConfig, fine.config())
	blob := describe(ocispec.MediaTypeImageLayerGzip, gzipOf(bad.layers[0]))
	manifest := toJSON(map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "config": config, "layers": []any{blob}})
	h.send(t, "PUT", "manifests/evil", ocispec.MediaTypeImageManifest, manifest)

	_, _, _ = readWith(t, c, Registry{Names: []string{h.name("app:fine")}})
	for range 2 { // the second time all of it is in the cache
		v, images, _ := readWith(t, c, Registry{Names: []string{h.name("app:evil"), h.name("app:honest"), h.name("app:fine")}})
		assert.NilError(t, images[1].Err)
		v.expect(t, images[1:], bad, fine)
	}
	v, images, reads := readWith(t, c, DockerArchive(inFile(t, packed(saved20(fine, bad))), Options{}))
	v.expect(t, images, fine, bad)
	assert.Equal(t, reads, 0)
}

// What is not what it should be is not kept as that.
func TestMismatchesAreNotKept(t *testing.T) {
	h, c := newHub(t), newCache(t)
	h.push(t, "1", gzipOf, one)
	wrong := gzipOf(layer("s:7:2"))
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, hex(gzipOf(one.layers[0]))) {
			_, _ = w.Write([]byte(wrong))
			return
		}
		next.ServeHTTP(w, r)
	}
	app := Registry{Names: []string{h.name("app:1")}}
	_, images, _ := readWith(t, c, app)
	assert.ErrorContains(t, images[0].Err, "digest")
	h.fault = nil
	v, images, reads := readWith(t, c, app)
	v.expect(t, images, one)
	assert.Equal(t, reads, 1)
}

// A layer that lies in a file is passed over, not hashed: it is known again in this file alone,
// and only as long as nobody writes to it.
func TestCachedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not tell when a file was changed")
	}
	c := newCache(t)
	path, twin := inFile(t, packed(saved20(one))), inFile(t, packed(saved20(one)))
	folder := inFolder(t, layout(plain, two))
	time.Sleep(2100 * time.Millisecond)
	for _, want := range []int{2, 0} {
		v, images, reads := readWith(t, c, DockerArchive(path, Options{}))
		v.expect(t, images, one)
		assert.Equal(t, reads, want)
		v, images, reads = readWith(t, c, OCIDir(folder, Options{}))
		v.expect(t, images, two)
		assert.Equal(t, reads, want)
	}
	_, _, reads := readWith(t, c, DockerArchive(twin, Options{}))
	assert.Equal(t, reads, 2, "another file with the same name in it")

	info, err := os.Stat(path)
	assert.NilError(t, err)
	three := picture{tag: "app", user: "8", layers: []string{layer("SHARED:1:2"), layer("A:3:4")}}
	b := packed(saved20(three))
	assert.Equal(t, info.Size(), int64(len(b)))
	assert.NilError(t, os.WriteFile(path, b, 0o600))
	assert.NilError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	for i, want := range []int{2, 2, 0} { // it is not kept if it was changed just now
		v, images, reads := readWith(t, c, DockerArchive(path, Options{}))
		v.expect(t, images, three)
		assert.Equal(t, reads, want)
		if i == 0 {
			time.Sleep(2100 * time.Millisecond)
		}
	}
}

// An audit that needs no layers has none fetched.
func TestUnreadLayersAreNotFetched(t *testing.T) {
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	images, err := Registry{Names: []string{h.name("app:1")}}.Images(t.Context(), all{newRecorder()})
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	for _, l := range one.layers {
		assert.Equal(t, h.times(hex(gzipOf(l))), 0)
	}
}

// all has seen all layers.
type all struct{ *recorder }

func (all) Seen(string) bool { return true }

// A cache that cannot be written to, or holds damaged layers, changes no answer.
func TestCacheOfNoUse(t *testing.T) {
	dir := t.TempDir()
	c, err := layercache.Open(dir, layercache.Size)
	assert.NilError(t, err)
	defer c.Close()
	read := func() int {
		v, images, reads := readWith(t, c, OCIArchive(inFile(t, packed(layout(gzipOf, one, two))), Options{}))
		v.expect(t, images, one, two)
		return reads
	}
	assert.Equal(t, read(), 3)
	files, err := os.ReadDir(dir)
	assert.NilError(t, err)
	for _, f := range files {
		assert.NilError(t, os.Truncate(dir+"/"+f.Name(), 100))
	}
	assert.Equal(t, read(), 3)
	assert.Equal(t, read(), 0)
	assert.NilError(t, os.RemoveAll(dir))
	assert.Equal(t, read(), 3)
}
