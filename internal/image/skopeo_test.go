package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// TestSkopeo reads what skopeo writes, under the names that skopeo has for it.
func TestSkopeo(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("needs skopeo, which is not installed (on Debian: apt-get install skopeo)")
	}
	t.Chdir(t.TempDir())
	one := picture{tag: "app:1", layers: []string{layer("one:1:1")}}
	two := picture{tag: "other:2", layers: []string{layer("two:70000:1"), layer("three:1:1")}}
	assert.NilError(t, os.WriteFile("both.tar", []byte(packed(saved20(one, two))), 0o644))
	for _, c := range []struct {
		to   string // what skopeo is told
		kind string
	}{
		{"docker-archive:new.tar:other:2", kindDocker},
		{"oci-archive:oci.tar:2", kindOCI},
		{"oci:layout:2", kindOCIDir},
		{"dir:flat", kindDir},
	} {
		assert.NilError(t, os.MkdirAll("tmp", 0o755))
		cmd := exec.Command("skopeo", "--insecure-policy", "--tmpdir", "tmp", "copy", "docker-archive:both.tar:other:2", c.to)
		said, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s", said)
		ref, err := Parse(c.to)
		assert.NilError(t, err)
		v := newRecorder()
		images, err := ref.Source(Options{}, nil, Registry{}).Images(t.Context(), v)
		assert.NilError(t, err)
		assert.Equal(t, len(images), 1, c.to)
		assert.NilError(t, images[0].Err, c.to)
		assert.Equal(t, images[0].Source, c.kind)
		assert.Equal(t, len(images[0].Layers), 2)
		for i, want := range two.layers {
			assert.Equal(t, images[0].Layers[i].DiffID, "sha256:"+hex(want))
		}
	}
	// The folder by its path, and an image that does not exist.
	ref, err := Parse("flat")
	assert.NilError(t, err)
	images, err := ref.Source(Options{}, nil, Registry{}).Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.Equal(t, images[0].Source, kindDir)
	ref, err = Parse("oci:layout:3")
	assert.NilError(t, err)
	images, err = ref.Source(Options{}, nil, Registry{}).Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, `there is no such image, only "2"`)
	// A blob that is not what its name promises.
	blob := filepath.Join("flat", hex(two.config()))
	assert.NilError(t, os.WriteFile(blob, []byte(`{"os":"linux"}`), 0o644))
	images, err = Dir("flat", Options{}).Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "digest mismatch")
}
