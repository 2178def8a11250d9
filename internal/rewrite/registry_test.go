package rewrite

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/google/go-containerregistry/pkg/compression"
	served "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// compressed is a layer as a registry has it.
func compressed(t *testing.T, by compression.Compression, files ...imagetest.File) v1.Layer {
	t.Helper()
	raw := imagetest.Layer(files...)
	mediaType := types.OCILayer
	switch by {
	case compression.ZStd:
		mediaType = types.OCILayerZStd
	case compression.None:
		return static.NewLayer(raw, types.OCIUncompressedLayer)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
		tarball.WithCompression(by), tarball.WithMediaType(mediaType))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pictured is an image with a layer of each compression that changes, and one that stays.
func pictured(t *testing.T, arch string) v1.Image {
	t.Helper()
	odd := func(name string) imagetest.File {
		return imagetest.File{Name: name, UID: 70000, Body: strings.Repeat(arch, 100000)}
	}
	img := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	img, err := mutate.Append(img,
		mutate.Addendum{Layer: compressed(t, compression.GZip, imagetest.File{Name: "stays", UID: 5, Body: "x"}), Annotations: map[string]string{"kept": "yes"}},
		mutate.Addendum{Layer: compressed(t, compression.GZip, odd("gzip")), Annotations: map[string]string{"toc": "of the old bytes"}},
		mutate.Addendum{Layer: compressed(t, compression.ZStd, odd("zstd"))}, mutate.Addendum{Layer: compressed(t, compression.None, odd("none"))},
	)
	if err == nil {
		img, err = mutate.ConfigFile(img, withPlatform(t, img, arch))
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func withPlatform(t *testing.T, img v1.Image, arch string) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", arch
	return c
}

// inLayout is an OCI layout with an index of two platforms, and an attestation.
func inLayout(t *testing.T) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: pictured(t, arch), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: empty.Image, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}, Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
	}})
	dir := t.TempDir()
	path, err := ggcr.Write(dir, empty.Index)
	if err == nil {
		err = path.AppendIndex(index, ggcr.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "shop:1"}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// newRegistry is a registry, and counts the blobs that were sent to it.
func newRegistry(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var blobs atomic.Int64
	handler := served.New(served.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			blobs.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), &blobs
}

// TestRegistryTakesEveryPlatform sends an index to a registry, twice, and holds what is
// there then to the original.
func TestRegistryTakesEveryPlatform(t *testing.T) {
	dir := inLayout(t)
	host, blobs := newRegistry(t)
	for i, want := range []int64{9, 6} { // both platforms share a layer, and what is known is there the second time
		blobs.Store(0)
		tag, options, err := image.Registry{}.Push(t.Context(), fmt.Sprintf("%s/shop:%d", host, i))
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, dir, Registry(tag, options...))
		if got := blobs.Load(); got != want {
			t.Errorf("%d blobs were sent, not %d", got, want)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		place := image.Registry{Names: []string{host + "/shop:0"}, Platform: "linux/" + arch}
		now, report, _ := audited(t, place, audit.Given{})
		if report.Verdict != audit.Mappable || now.Platform != "linux/"+arch {
			t.Errorf("%s is %s", now.Platform, report.Verdict)
		}
		was, _, _ := audited(t, image.OCIDir(dir, image.Options{Platform: "linux/" + arch}), audit.Given{})
		for i := range was.Layers {
			if same := now.Layers[i].Digest == was.Layers[i].Digest; same != (i == 0) {
				t.Errorf("layer %d of %s: %s became %s", i, arch, was.Layers[i].Digest, now.Layers[i].Digest)
			}
		}
	}
}

// sendAll rewrites both platforms of a layout.
func sendAll(t *testing.T, dir string, to Destination) {
	t.Helper()
	var all []Image
	for _, arch := range []string{"amd64", "arm64"} {
		place := image.OCIDir(dir, image.Options{Platform: "linux/" + arch})
		img, _, plan := audited(t, place, audit.Given{})
		made, err := Send(t.Context(), place, to, img, plan, func() {})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made)
	}
	if err := to.Commit(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// TestLayersStayCompressed holds the layers of a new layout to those of the old one: how
// they are compressed, and what they hold.
func TestLayersStayCompressed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	to, err := OCIFolder(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, inLayout(t), to)
	index, err := ggcr.ImageIndexFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	top, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := inner.IndexManifest()
	if err != nil || len(platforms.Manifests) != 2 || platforms.Manifests[1].Platform.Architecture != "arm64" {
		t.Fatalf("%+v: %v", platforms, err)
	}
	img, err := inner.Image(platforms.Manifests[1].Digest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Layers[0].Annotations["kept"] == "" || len(m.Layers[1].Annotations) > 0 {
		t.Errorf("the layers are %+v", m.Layers)
	}
	types := []types.MediaType{types.OCILayer, types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer}
	for i, begin := range []string{"\x1f\x8b", "\x1f\x8b", "\x28\xb5\x2f\xfd", "none\x00"} {
		b, err := os.ReadFile(filepath.Join(path, "blobs", "sha256", m.Layers[i].Digest.Hex))
		if err != nil || !bytes.HasPrefix(b, []byte(begin)) || m.Layers[i].MediaType != types[i] {
			t.Errorf("layer %d of %s begins with %.8q: %v", i, m.Layers[i].MediaType, b, err)
		}
	}
	if _, report, _ := audited(t, image.OCIDir(path, image.Options{Platform: "linux/arm64"}), audit.Given{}); report.Verdict != audit.Mappable {
		t.Errorf("the new image is %s", report.Verdict)
	}
}

// TestRegistryIsLeftAlone gives up an image that cannot be sent whole: no tag is made.
func TestRegistryIsLeftAlone(t *testing.T) {
	host, _ := newRegistry(t)
	tag, options, err := image.Registry{}.Push(t.Context(), host+"/shop:1")
	if err != nil {
		t.Fatal(err)
	}
	archive := shop("app")
	img, _, plan := audited(t, image.DockerArchive(inFile(t, archive), image.Options{}), audit.Given{})
	damaged := bytes.Replace(archive, []byte("home/app/"), []byte("home/bpp/"), 1)
	to := Registry(tag, options...)
	if _, err := Send(t.Context(), image.DockerArchive(inFile(t, damaged), image.Options{}), to, img, plan, func() {}); err == nil || !strings.Contains(err.Error(), tar.ErrHeader.Error()) {
		t.Errorf("sending says %v", err)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	images, err := image.Registry{Names: []string{host + "/shop:1"}}.Images(t.Context(), audit.New(audit.Options{Map: auditedMap}))
	if err != nil || images[0].Err == nil {
		t.Errorf("the registry has %+v: %v", images, err)
	}
}
