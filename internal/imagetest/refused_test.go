package imagetest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"gotest.tools/v3/assert"
)

// TestDepth audits an image of as many layers as an engine takes, and one of more.
func TestDepth(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	for _, tc := range []struct {
		layers int
		want   string
	}{{125, ""}, {126, "max depth exceeded"}} {
		var steps []imagetest.Step
		for i := range tc.layers {
			steps = append(steps, imagetest.Step{By: fmt.Sprint("RUN ", i), Layer: imagetest.Layer(imagetest.File{Name: fmt.Sprint(i)})})
		}
		archive := imagetest.Archive("deep:1", "", steps...)
		_, said, theirs := load(engine.Client(t), archive)
		r := refusals(t, image.Stream("deep", bytes.NewReader(archive), image.Options{}))
		if tc.want == "" {
			assert.NilError(t, theirs, said)
			assert.Equal(t, len(r.Findings), 0)
			continue
		}
		assert.ErrorContains(t, theirs, tc.want)
		assert.Equal(t, len(r.Findings), 1)
		f := r.Findings[0]
		assert.Assert(t, f.Rule == audit.RefusedLayer && strings.Contains(f.Message, "126 layers") && strings.Contains(f.Message, tc.want), f.Message)
		assert.Equal(t, r.Layers[f.Layer].Instruction, "RUN 125") // the first that is too many
	}
}

// TestWindows has an engine pull an image for Windows, and audits it: both say the same of it.
func TestWindows(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	archive := imagetest.ArchiveFor("windows", "app:1", "ContainerUser", imagetest.Step{By: "RUN x", Layer: imagetest.Layer(
		imagetest.File{Name: "Files/"}, imagetest.File{Name: "Hives/"}, imagetest.File{Name: "Files/odd", UID: 70000})})
	img, err := tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }, nil)
	assert.NilError(t, err)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/app:1")
	assert.NilError(t, err)
	assert.NilError(t, remote.Write(ref, img))

	pull, err := engine.Client(t).ImagePull(t.Context(), ref.Name(), dockerimage.PullOptions{})
	assert.NilError(t, err)
	defer pull.Close()
	said, err := io.ReadAll(pull)
	assert.NilError(t, err)
	const words = `image operating system \"windows\" cannot be used on this platform`
	assert.Assert(t, strings.Contains(string(said), words), "%s", said)

	r := refusals(t, image.Registry{Names: []string{ref.Name()}})
	assert.Equal(t, len(r.Findings), 1)
	f := r.Findings[0]
	assert.Assert(t, f.Rule == audit.RefusedLayer && f.Layer == audit.NoLayer, f)
	assert.Assert(t, strings.Contains(f.Message, strings.ReplaceAll(words, `\`, "")), f.Message)
	assert.Assert(t, !r.Startable)
}

func refusals(t *testing.T, s image.Source) audit.Report {
	t.Helper()
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: 1})
	images, err := s.Images(context.Background(), a)
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	return a.Report(images[0])
}
