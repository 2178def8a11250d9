package image

import (
	"testing"

	"gotest.tools/v3/assert"
)

var (
	base = layer("bin/:0:0", "bin/sh:0:0")
	high = layer("app/:0:0", "app/.wh.old:1000000:1", "app/x:70000:0")
	big  = bodied("blob", 100_000)
	app  = picture{tag: "app:1", user: "1000", layers: []string{base, high, base, big}}
	web  = picture{tag: "web:2", layers: []string{base}}
	bare = picture{tag: "bare:1"}
)

func TestLayouts(t *testing.T) {
	for name, tc := range map[string]struct {
		files  []file
		source string
		digest bool
	}{
		"docker save 20.10":       {saved20(app, bare, web), kindDocker, false},
		"docker save 25":          {saved25(app, bare, web), kindDocker, false},
		"docker save, containerd": {bothKinds(gzipOf, app, bare, web), kindDocker, true},
		"OCI":                     {layout(plain, app, bare, web), kindOCI, true},
		"OCI, gzip":               {layout(gzipOf, app, bare, web), kindOCI, true},
		"OCI, zstd":               {layout(zstdOf, app, bare, web), kindOCI, true},
	} {
		for way, read := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, packed(tc.files), v, Options{Platform: ""})
				assert.NilError(t, err)
				v.expect(t, images, app, bare, web)
				assert.Equal(t, images[0].Name, "app:1")
				assert.Equal(t, images[0].Source, tc.source)
				assert.Equal(t, images[0].Platform, "linux/amd64")
				assert.Equal(t, images[0].Layers[0].Digest != "", tc.digest)
				assert.Equal(t, v.calls, 3, "each blob is read once")
			})
		}
	}
}

func TestLayoutsInFolder(t *testing.T) {
	for name, files := range map[string][]file{
		"plain": layout(plain, app, web),
		"gzip":  layout(gzipOf, app, web),
		"both":  bothKinds(zstdOf, app, web),
	} {
		t.Run(name, func(t *testing.T) {
			v := newRecorder()
			src, err := Open(inFolder(t, files), Options{})
			assert.NilError(t, err)
			images, err := src.Images(t.Context(), v)
			assert.NilError(t, err)
			v.expect(t, images, app, web)
			assert.Equal(t, images[0].Source, kindOCIDir)
		})
	}
}

// A user's `docker save app | gzip` is taken, as docker load takes it.
func TestPackedArchive(t *testing.T) {
	for form, pack := range map[string]func(string) string{"gzip": gzipOf, "zstd": zstdOf} {
		for way, read := range ways {
			t.Run(form+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, []byte(pack(string(packed(saved20(app))))), v, Options{})
				assert.NilError(t, err)
				v.expect(t, images, app)
			})
		}
	}
}

func TestNames(t *testing.T) {
	files := packed(saved25(app, web))
	for _, tc := range []struct {
		ask  string
		want picture
	}{
		{"app:1", app}, {"docker.io/library/app:1", app}, {"web:2", web}, {web.id(), web}, {web.id()[7:19], web},
	} {
		for way, read := range ways {
			t.Run(tc.ask+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, files, v, Options{Names: []string{tc.ask}})
				assert.NilError(t, err)
				v.expect(t, images, tc.want)
				assert.Equal(t, images[0].Name, tc.ask)
			})
		}
	}
}

// One missing name does not keep the others from being read.
func TestAbsentName(t *testing.T) {
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			v := newRecorder()
			images, err := read(t, packed(saved25(app, web)), v, Options{Names: []string{"app", "web:2"}})
			assert.NilError(t, err)
			assert.ErrorContains(t, images[0].Err, `there is no such image, only "app:1", "web:2"`)
			v.expect(t, images[1:], web)
		})
	}
}
