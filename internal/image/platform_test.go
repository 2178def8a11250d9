package image

import (
	"runtime"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

func on(platform string) picture {
	return picture{tag: "multi:1", platform: platform, layers: []string{base, layer(platform + ":1:1")}}
}

// foreignArch is a processor that this machine is not.
func foreignArch() string {
	if runtime.GOARCH == "s390x" {
		return "ppc64le"
	}
	return "s390x"
}

func TestPlatforms(t *testing.T) {
	own, other := on("linux/"+runtime.GOARCH), on("linux/"+foreignArch())
	v7, v8 := on("linux/arm/v7"), on("linux/arm64/v8")
	for _, tc := range []struct {
		name, ask string
		have      []picture
		want      []picture
		err       string
	}{
		{"own of many", "", []picture{other, own, v7}, []picture{own}, ""},
		{"the only one", "", []picture{other}, []picture{other}, ""},
		{"one of many", "linux/" + foreignArch(), []picture{own, other}, []picture{other}, ""},
		{"with its variant", "linux/arm64/v8", []picture{v7, v8}, []picture{v8}, ""},
		{"variant understood", "linux/arm64", []picture{v7, v8}, []picture{v8}, ""},
		{"other variant", "linux/arm/v6", []picture{v7, v8}, nil, `no image for linux/arm/v6, only for "linux/arm/v7", "linux/arm64/v8": choose one with --platform`},
		{"all", "all", []picture{own, other, v8}, []picture{own, other, v8}, ""},
		{"none", "linux/mips", []picture{own}, nil, "no image for linux/mips, only for"},
		{"no platform", "a/b/c/d", []picture{own}, nil, `reading the platform "a/b/c/d"`},
	} {
		for way, read := range ways {
			t.Run(tc.name+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, packed(layout(gzipOf, tc.have...)), v, Options{Platform: tc.ask})
				assert.NilError(t, err)
				if tc.err != "" {
					assert.Equal(t, len(images), 1)
					assert.ErrorContains(t, images[0].Err, tc.err)
					return
				}
				v.expect(t, images, tc.want...)
				for i, p := range tc.want {
					assert.Equal(t, images[i].Platform, p.platform)
					assert.Equal(t, images[i].Name, "multi:1")
				}
			})
		}
	}
}

// docker save of containerd's store writes a manifest.json for one platform,
// and an index.json for all.
func TestPlatformsOfDockerArchive(t *testing.T) {
	own, other := on("linux/"+runtime.GOARCH), on("linux/"+foreignArch())
	files := with(layout(gzipOf, own, other), file{name: "manifest.json", body: toJSON([]dockerManifest{{
		Config: place(own.config()), RepoTags: []string{own.tag}, Layers: []string{place(gzipOf(own.layers[0])), place(gzipOf(own.layers[1]))},
	}})})
	for ask, want := range map[string][]picture{"": {own}, "all": {own, other}, other.platform: {other}} {
		for way, read := range ways {
			t.Run(ask+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, packed(files), v, Options{Platform: ask})
				assert.NilError(t, err)
				v.expect(t, images, want...)
				assert.Equal(t, images[0].Source, kindDocker)
			})
		}
	}
}

// An image whose platform is unknown is not passed over.
func TestUnclearPlatform(t *testing.T) {
	broken := picture{tag: "multi:1", layers: []string{high}}
	files := layout(gzipOf, on("linux/"+runtime.GOARCH), broken)
	var index ocispec.Index
	for i, f := range files {
		if strings.Contains(f.body, `"manifests":[{"mediaType":"application/vnd.oci.image.manifest`) {
			fromJSON(f.body, &index)
			files[i] = file{name: "unused", body: "{}"}
		}
	}
	index.Manifests[1].Platform = nil
	files = with(without(files, place(broken.config())), file{name: "index.json", body: toJSON(index)})
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			v := newRecorder()
			images, err := read(t, packed(files), v, Options{})
			assert.NilError(t, err)
			v.expect(t, images[:1], on("linux/"+runtime.GOARCH))
			assert.Equal(t, len(images), 2)
			assert.ErrorContains(t, images[1].Err, "its configuration: reading")
		})
	}
}

func TestPlatformOfOne(t *testing.T) {
	images, err := ways["file"](t, packed(saved20(app)), newRecorder(), Options{Platform: "linux/s390x"})
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, `no image for linux/s390x, only for "linux/amd64"`)
	assert.Equal(t, images[0].Name, "app:1")
}

// Provenance and SBOMs are next to the images in an index, as manifests of an
// unknown platform; artifacts say that they are some.
func TestWhatIsNoImage(t *testing.T) {
	d, files := manifestOf(gzipOf, web)
	statement := `{"_type":"https://in-toto.io/Statement/v0.1","pad":"` + strings.Repeat("x", 1000) + `"}`
	files = append(files, blobFile(statement))
	side := func(change func(*ocispec.Manifest, *ocispec.Descriptor)) ocispec.Descriptor {
		m := ocispec.Manifest{Config: describe(ocispec.MediaTypeImageConfig, statement), Layers: []ocispec.Descriptor{describe("application/vnd.in-toto+json", statement)}}
		x := ocispec.Descriptor{}
		change(&m, &x)
		body := toJSON(m)
		files = append(files, blobFile(body))
		y := describe(ocispec.MediaTypeImageManifest, body)
		x.Digest, x.Size, x.MediaType = y.Digest, y.Size, y.MediaType
		return x
	}
	index := toJSON(ocispec.Index{Manifests: []ocispec.Descriptor{
		side(func(_ *ocispec.Manifest, x *ocispec.Descriptor) {
			x.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
		}),
		side(func(_ *ocispec.Manifest, x *ocispec.Descriptor) {
			x.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
		}),
		side(func(m *ocispec.Manifest, _ *ocispec.Descriptor) { m.ArtifactType = "application/vnd.example" }),
		side(func(m *ocispec.Manifest, _ *ocispec.Descriptor) { m.Config = ocispec.DescriptorEmptyJSON }),
		d,
		// An engine lists platforms that it has not pulled.
		describe(ocispec.MediaTypeImageManifest, "never pulled"),
	}})
	files = append(files, blobFile(index), file{name: "index.json", body: toJSON(ocispec.Index{Manifests: []ocispec.Descriptor{describe(ocispec.MediaTypeImageIndex, index)}})})
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			v := newRecorder()
			images, err := read(t, packed(sorted(files)), v, Options{Platform: "all"})
			assert.NilError(t, err)
			v.expect(t, images, web)
		})
	}
}
