package image

import (
	"testing"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"gotest.tools/v3/assert"
)

// An image for Windows needs none of its layers to be here, and none of them is read.
func TestWindowsImage(t *testing.T) {
	files := foreign(picture{tag: "app:1", platform: "windows/amd64", layers: []string{layer("Files/a:0:0")}}, two)
	for way, read := range ways {
		v := newRecorder()
		images, err := read(t, packed(files), v, Options{Names: []string{"app:1"}})
		assert.NilError(t, err, way)
		assert.NilError(t, images[0].Err, way)
		assert.Assert(t, images[0].Windows(), way)
		assert.Equal(t, len(images[0].Layers), 1, way)
		assert.Equal(t, images[0].Layers[0].Blob, "", way)
	}
}

// How a layer is packed is known each time that it is met, though it is read once.
func TestForms(t *testing.T) {
	for form, pack := range map[unpack.Form]func(string) string{unpack.PlainTar: plain, unpack.Gzip: gzipOf, unpack.Zstd: zstdOf} {
		v := newRecorder()
		archive, folder := inFile(t, packed(layout(pack, one))), inFolder(t, layout(pack, one))
		for _, path := range []string{archive, archive, folder, folder} {
			s, err := Open(path, Options{})
			assert.NilError(t, err)
			images, err := s.Images(t.Context(), v)
			assert.NilError(t, err)
			assert.NilError(t, images[0].Err)
			for _, l := range images[0].Layers {
				assert.Equal(t, l.Form, form)
			}
		}
	}
}
