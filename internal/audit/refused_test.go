package audit

import (
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"gotest.tools/v3/assert"
)

// Layers of zstd are refused by an engine that is known not to read them, in one finding at
// the first of them.
func TestZstdIsOfAVersion(t *testing.T) {
	for version, refused := range map[string]bool{
		"": false, "library-import": false, "20.10.24+dfsg1": true, "20.10": true, "23.0.0": false, "29.7.2": false,
	} {
		a := New(Options{Map: usual, Engine: version})
		img := made(a, t, [][]entry{{{name: "a"}}, {{name: "b"}}, {{name: "c"}}}, "RUN a", "RUN b", "RUN c")
		img.Layers[1].Form, img.Layers[2].Form = unpack.Zstd, unpack.Zstd
		r := a.Report(img)
		if !refused {
			assert.Equal(t, len(r.Findings), 0, version)
			continue
		}
		assert.Equal(t, len(r.Findings), 1, version)
		f := r.Findings[0]
		assert.Equal(t, f.Rule, RefusedLayer)
		assert.Equal(t, f.Layer, 1)
		assert.Assert(t, strings.HasPrefix(f.Message, "2 layers are compressed with zstd, which Docker 20.10 does not read"), f.Message)
		assert.Equal(t, r.Worst(), Error)
	}
}

// An image for Windows can be accepted, as any other finding can.
func TestWindowsIsIgnored(t *testing.T) {
	a := New(Options{Map: usual})
	img := made(a, t, [][]entry{{{name: "Files/a", uid: 70000}}}, "RUN a")
	img.Platform, img.Layers[0].Blob = "windows/amd64", ""
	r := a.Report(img)
	assert.Equal(t, len(r.Findings), 1)
	assert.Equal(t, r.Worst(), Error)
	r.Ignore([]Ignore{{Rule: RefusedLayer, Reason: "not for this host"}})
	assert.Equal(t, r.Worst(), Severity(""))
	_, err := a.Renumber(img, Given{})
	assert.ErrorContains(t, err, "it is for windows/amd64")
}
