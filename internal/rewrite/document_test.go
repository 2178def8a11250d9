package rewrite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutWith is an OCI layout of one image with one odd owner, whose manifest is what change makes of it.
func layoutWith(t *testing.T, change func(manifest string) string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(b []byte) (digest.Digest, int64) {
		d := digest.FromBytes(b)
		at := filepath.Join(dir, filepath.FromSlash(place(d)))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return d, int64(len(b))
	}
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	layer, size := put([]byte(imagetest.Layer(imagetest.File{Name: "odd", UID: 1000000})))
	config, configSize := put(encode(ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer}},
	}))
	m := change(string(encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: config, Size: configSize},
		Layers: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayer, Digest: layer, Size: size}},
	})))
	d, size := put([]byte(m))
	index := encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		Manifests: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: size}},
	})
	if err := os.WriteFile(filepath.Join(dir, ocispec.ImageIndexFile), index, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A manifest that has a key twice, in letters of another case, says something else to
// who reads it in another way. It is refused, whatever stands under either key.
func TestManifestWithAKeyTwice(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no layers", `"layers"`, `"layers":[null],"Layers"`, errTwiceNamed.Error()},
		{"other layers", `"layers"`, `"layers":[{"digest":"` + digest.FromString("other").String() + `"}],"LAYERS"`, errTwiceNamed.Error()},
		{"no config", `"config"`, `"config":null,"Config"`, errTwiceNamed.Error()},
		{"other media type", `"mediaType":"` + ocispec.MediaTypeImageManifest, `"MEDIATYPE":"a/b","mediaType":"` + ocispec.MediaTypeImageManifest, errTwiceNamed.Error()},
		{"two digests", `"digest"`, `"Digest":"","digest"`, errTwiceNamed.Error()},
		{"null for a layer", `}]}`, `}],"layers":[null]}`, "it has null for a layer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := layoutWith(t, func(m string) string {
				if !strings.Contains(m, c.old) {
					t.Fatalf("%s is not in %s", c.old, m)
				}
				return strings.Replace(m, c.old, c.new, 1)
			})
			from := image.OCIDir(dir, image.Options{})
			img, _, plan := audited(t, from, audit.Given{})
			to, err := OCIFolder(filepath.Join(t.TempDir(), "new"), named)
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			if _, err := Send(t.Context(), from, to, img, plan, func() {}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("rewriting says %v", err)
			}
		})
	}
}

// A manifest whose keys are there once is rewritten.
func TestManifestAsItIs(t *testing.T) {
	dir := layoutWith(t, func(m string) string { return m })
	made, _ := rewritten(t, image.OCIDir(dir, image.Options{}), audit.Given{})
	if !made.Changed {
		t.Error("nothing was changed")
	}
}
