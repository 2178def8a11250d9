package image

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// What the records do not say for sure comes from the engine instead.
func TestDoubtfulRecordsAreNotBelieved(t *testing.T) {
	e := testengine.Start(t, testengine.Options{})
	c := e.Client(t)
	base := string(tarWith(t, tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "etc/passwd", Size: 22, Mode: 0o644}))
	p := picture{tag: "app:1", layers: []string{base, layer("a:1:2")}}
	load(t, c, packed(saved20(p)))
	roots, err := host.Daemons(e.Socket)
	assert.NilError(t, err)
	imageRoot := filepath.Join(e.DataRoot(), "image/overlay2")
	layerdb := func(n int) string {
		chain := identity.ChainID([]digest.Digest{digest.FromString(base), digest.FromString(p.layers[1])}[:n])
		return filepath.Join(imageRoot, "layerdb/sha256", chain.Encoded())
	}
	cache, err := os.ReadFile(filepath.Join(layerdb(1), "cache-id"))
	assert.NilError(t, err)
	passwd := filepath.Join(e.DataRoot(), "overlay2", string(cache), "diff/etc/passwd")
	for name, damage := range map[string]struct {
		path   string
		change func(path string) error
	}{
		"nothing":         {passwd, func(string) error { return nil }},
		"passwd linked":   {passwd, func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) }},
		"passwd changed":  {passwd, func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", 22)), 0o644) }},
		"passwd missing":  {passwd, os.Remove},
		"record cut":      {filepath.Join(layerdb(2), splitName), func(p string) error { return os.Truncate(p, 60) }},
		"record missing":  {filepath.Join(layerdb(2), splitName), os.Remove},
		"diff of another": {filepath.Join(layerdb(2), "diff"), func(p string) error { return os.WriteFile(p, []byte(digest.FromString("x").String()), 0o644) }},
		"cache-id a path": {filepath.Join(layerdb(2), "cache-id"), func(p string) error { return os.WriteFile(p, []byte("../../etc"), 0o644) }},
		"config changed": {filepath.Join(imageRoot, "imagedb/content/sha256", strings.TrimPrefix(p.id(), "sha256:")), func(p string) error {
			return os.WriteFile(p, []byte("{}"), 0o644)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := os.ReadFile(damage.path)
			assert.NilError(t, err)
			defer func() {
				_ = os.Remove(damage.path)
				assert.NilError(t, os.WriteFile(damage.path, kept, 0o644))
			}()
			assert.NilError(t, damage.change(damage.path))
			r := records{files: roots[0], dataRoot: e.DataRoot(), driver: "overlay2"}
			images, errs := r.read(t.Context(), newScribe(), []string{p.id()})
			if name == "nothing" {
				assert.Equal(t, len(images), 1, "%v", errs)
				return
			}
			assert.Equal(t, len(images), 0)
			assert.Equal(t, len(errs), 1)
			t.Log(errs[p.id()])
		})
	}
}
