package imagetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"gotest.tools/v3/assert"
)

// An image of as many layers as an engine takes is audited, and one of more is
// refused in the words of the engine.
func TestDepth(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{Remap: true})
	for _, tc := range []struct {
		layers int
		want   string
	}{{125, ""}, {126, "max depth exceeded"}} {
		var steps []imagetest.Step
		for i := range tc.layers {
			steps = append(steps, imagetest.Step{By: "RUN x", Layer: imagetest.Layer(imagetest.File{Name: fmt.Sprint(i)})})
		}
		archive := imagetest.Archive("deep:1", "", steps...)
		_, ours := verdict(archive)
		_, said, theirs := load(engine.Client(t), archive)
		if tc.want == "" {
			assert.NilError(t, ours)
			assert.NilError(t, theirs, said)
			continue
		}
		assert.ErrorContains(t, ours, tc.want)
		assert.ErrorContains(t, theirs, tc.want)
		assert.Assert(t, strings.Contains(ours.Error(), "126 layers"), ours)
	}
}
