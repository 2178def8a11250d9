package imagetest_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"gotest.tools/v3/assert"
)

// TestKinds compares what we say of entries of odd types with an engine.
func TestKinds(t *testing.T) {
	api := testengine.Start(t, testengine.Options{Remap: true}).Client(t)
	for _, name := range []string{"opt/odd", ".wh.odd"} {
		for _, kind := range []byte("0123456SVDMZg") {
			layer := imagetest.Layer(imagetest.File{Name: "opt/"}, imagetest.File{Name: name})
			retype(layer[512:], kind)
			archive := imagetest.Archive("odd:1", "", imagetest.Step{By: "RUN x", Layer: layer})
			_, said, theirs := load(api, archive)

			a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: 1})
			images, err := image.Stream("odd", bytes.NewReader(archive), image.Options{}).Images(context.Background(), a)
			assert.NilError(t, err)
			assert.NilError(t, images[0].Err)
			ours := a.Report(images[0]).Findings
			refused := slices.ContainsFunc(ours, func(f audit.Finding) bool { return f.Rule == audit.RefusedLayer })
			assert.Equal(t, refused, theirs != nil && bytes.Contains([]byte(said), []byte("unhandled tar header type")), "%s of type %q: %v %s", name, kind, ours, said)
		}
	}
}

// retype gives a header another type, and its checksum.
func retype(header []byte, kind byte) {
	header[156] = kind
	if kind == 'S' { // is GNU's alone
		copy(header[257:265], "ustar  \x00")
		clear(header[345:500])
	}
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header[:512] {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}
