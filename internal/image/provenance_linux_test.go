package image

import (
	"testing"

	"gotest.tools/v3/assert"
)

// The provenance of an image in containerd's store is read here as from afar.
func TestProvenanceInContentStore(t *testing.T) {
	e := storeOf(t, withProvenance(layout(gzipOf, one), saysHow))
	for way, from := range map[string]Files{"here": here(t), "sudo": sudo(t)} {
		v := newRecorder()
		images, err := Daemon{Engine: e, Names: []string{one.tag}, Hosts: []Files{from}, Program: lent(t)}.Images(t.Context(), v)
		assert.NilError(t, err)
		assert.NilError(t, images[0].Err)
		assert.Equal(t, string(images[0].Provenance), saysHow, way)
	}
}
