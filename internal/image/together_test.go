package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"testing"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// sender is an engine with containerd's image store that sends images as Docker 29 does:
// one index.json with the IDs that were asked for, and each blob once.
type sender struct {
	Engine
	files []file
	tops  map[string]ocispec.Descriptor // by tag
	bad   string                        // an ID that it cannot send
	calls [][]string
}

func senderOf(files []file) *sender {
	e := &sender{tops: map[string]ocispec.Descriptor{}}
	var index ocispec.Index
	for _, f := range files {
		if f.name == indexName {
			fromJSON(f.body, &index)
		} else {
			e.files = append(e.files, f)
		}
	}
	for _, d := range index.Manifests {
		e.tops[d.Annotations[ocispec.AnnotationRefName]] = d
	}
	return e
}

func (e *sender) ClientVersion() string { return "1.51" }

func (e *sender) Info(context.Context) (system.Info, error) {
	return system.Info{DockerRootDir: "/none", DriverStatus: [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}}, nil
}

func (e *sender) ImageInspect(_ context.Context, name string, _ ...client.ImageInspectOption) (dockerimage.InspectResponse, error) {
	return dockerimage.InspectResponse{ID: e.tops[name].Digest.String()}, nil
}

func (e *sender) ImageSave(_ context.Context, ids []string, _ ...client.ImageSaveOption) (io.ReadCloser, error) {
	e.calls = append(e.calls, ids)
	if slices.Contains(ids, e.bad) {
		return nil, errors.New("unable to create manifests file: NotFound")
	}
	var index ocispec.Index
	for _, d := range e.tops {
		if d.Annotations = nil; slices.Contains(ids, d.Digest.String()) {
			index.Manifests = append(index.Manifests, d)
		}
	}
	return io.NopCloser(bytes.NewReader(packed(append(slices.Clone(e.files), file{name: indexName, body: toJSON(index)})))), nil
}

// Images of an engine with containerd's store are sent in one go, and each alone if one of
// them cannot be sent.
func TestSentTogether(t *testing.T) {
	a := picture{tag: "a:1", user: "5", layers: []string{layer("shared:1:2"), layer("a:1516583083:3")}}
	b := picture{tag: "b:1", layers: []string{layer("shared:1:2"), layer("b:4:5")}}
	c := picture{tag: "c:1", layers: []string{layer("shared:1:2")}}
	read := func(e *sender, names ...string) (*recorder, []Image) {
		v := newRecorder()
		images, err := Daemon{Engine: e, Names: names}.Images(t.Context(), v)
		assert.NilError(t, err)
		assert.Equal(t, len(images), len(names))
		for i, img := range images {
			assert.Equal(t, img.Name, names[i])
			assert.Equal(t, img.Source, sourceDaemon)
			assert.Equal(t, img.ID, e.tops[names[i]].Digest.String())
			images[i].ID = img.ConfigDigest // as v expects it
		}
		return v, images
	}
	e := senderOf(layout(gzipOf, a, b, c))
	v, images := read(e, "a:1", "b:1", "c:1", "b:1")
	v.expect(t, images, a, b, c, b)
	assert.Equal(t, len(e.calls), 1, "%v", e.calls)
	assert.Equal(t, v.calls, 3, "a shared layer is read once")

	e = senderOf(layout(gzipOf, a, b, c))
	e.bad = e.tops["b:1"].Digest.String()
	v, images = read(e, "a:1", "b:1", "c:1")
	assert.ErrorContains(t, images[1].Err, "unable to create manifests file: NotFound")
	v.expect(t, []Image{images[0], images[2]}, a, c)
	assert.Equal(t, len(e.calls), 4, "%v", e.calls)
}
