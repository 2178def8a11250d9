package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"gotest.tools/v3/assert"
)

// recorder is a Visitor that remembers the entries of each blob.
type recorder struct {
	mu      sync.Mutex
	entries map[string][]string // "name:uid:gid", by blob
	calls   int
}

func newRecorder() *recorder { return &recorder{entries: map[string][]string{}} }

func (r *recorder) Seen(blob string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.entries[blob]
	return ok
}

func (r *recorder) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	found, err := readHeaders(headers)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	r.entries[blob] = found
	return err
}

func readHeaders(headers tarwalk.Headers) ([]string, error) {
	found := []string{}
	for {
		h, err := headers.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		found = append(found, fmt.Sprintf("%s:%d:%d", h.Name, h.UID, h.GID))
	}
}

// flat writes what was read of an image, blobs' names aside: they differ from
// one place to another.
func (r *recorder) flat(img Image) string {
	var b strings.Builder
	fmt.Fprintln(&b, img.Name, img.ID, img.Platform, img.Config.User, img.Err)
	for _, l := range img.Layers {
		fmt.Fprintln(&b, l.DiffID, r.entries[l.Blob])
	}
	return b.String()
}

func (r *recorder) flatAll(images []Image) string {
	var all []string
	for _, img := range images {
		all = append(all, r.flat(img))
	}
	return strings.Join(all, "")
}

// ways are the ways to read one archive.
var ways = map[string]func(t testing.TB, b []byte, v Visitor, o Options) ([]Image, error){
	"file": func(t testing.TB, b []byte, v Visitor, o Options) ([]Image, error) {
		src, err := Open(inFile(t, b), o)
		if err != nil {
			return nil, err
		}
		return src.Images(t.Context(), v)
	},
	"stream": func(t testing.TB, b []byte, v Visitor, o Options) ([]Image, error) {
		return Stream("-", bytes.NewReader(b), o).Images(t.Context(), v)
	},
	"trusted": func(t testing.TB, b []byte, v Visitor, o Options) ([]Image, error) {
		o.Trusted = true
		return ReadStream(t.Context(), bytes.NewReader(b), v, o)
	},
}

// expect checks that exactly the pictures were read.
func (r *recorder) expect(t testing.TB, images []Image, pictures ...picture) {
	t.Helper()
	assert.Equal(t, len(images), len(pictures), "%v", images)
	for i, p := range pictures {
		img := images[i]
		assert.NilError(t, img.Err)
		assert.Equal(t, img.ID, p.id())
		assert.Equal(t, img.Config.User, p.user)
		assert.Equal(t, len(img.Layers), len(p.layers))
		for j, l := range img.Layers {
			want, err := readHeaders(tarwalk.NewReader(strings.NewReader(p.layers[j])))
			assert.NilError(t, err)
			assert.Assert(t, slices.Equal(r.entries[l.Blob], want), "layer %d: %v, want %v", j, r.entries[l.Blob], want)
		}
	}
}
