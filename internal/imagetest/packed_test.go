package imagetest_test

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"gotest.tools/v3/assert"
)

// TestPacked compares our verdict with an engine's on layers that are compressed in
// each way that both read, or go on behind their end.
func TestPacked(t *testing.T) {
	for _, needed := range []string{"unpigz", "bzip2", "xz"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("needs %s, with which the engine unpacks: it is not installed", needed)
		}
	}
	engine := testengine.Start(t, testengine.Options{Remap: true})
	api := engine.Client(t)
	zeros := make([]byte, 1000)
	for name, pack := range map[string]func(*testing.T, []byte) []byte{
		"gzip": func(t *testing.T, b []byte) []byte { return through(t, b, "gzip", "-c") },
		"two members": func(t *testing.T, b []byte) []byte {
			return append(through(t, b[:1000], "gzip", "-c"), through(t, b[1000:], "gzip", "-c")...)
		},
		"gzip, zeros": func(t *testing.T, b []byte) []byte { return append(through(t, b, "gzip", "-c"), zeros...) },
		"gzip, rubbish": func(t *testing.T, b []byte) []byte {
			return append(through(t, b, "gzip", "-c"), bytes.Repeat([]byte("rubbish"), 500)...)
		},
		"bzip2": func(t *testing.T, b []byte) []byte { return through(t, b, "bzip2", "-c") },
		"xz":    func(t *testing.T, b []byte) []byte { return through(t, b, "xz", "-c") },
		"two xz": func(t *testing.T, b []byte) []byte {
			return append(append(through(t, b[:1000], "xz", "-9", "-c"), 0, 0, 0, 0), through(t, b[1000:], "xz", "-C", "none", "-c")...)
		},
	} {
		for _, owner := range []int{1000, 70000} {
			layer := imagetest.Layer(imagetest.File{Name: "opt/one", UID: owner})
			archive := imagetest.Archive("packed:1", "", imagetest.Step{By: "RUN x", Layer: layer, Packed: pack(t, slices.Clone(layer))})
			ours, err := verdict(archive)
			assert.NilError(t, err, name)
			theirs, said, err := load(api, archive)
			assert.NilError(t, err, "%s: %s", name, said)
			assert.Equal(t, ours, theirs, name)
			assert.Equal(t, ours == audit.Mappable, owner == 1000, name)
		}
	}
}

// through gives what a program makes of its input.
func through(t *testing.T, in []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	assert.NilError(t, err)
	return out
}
