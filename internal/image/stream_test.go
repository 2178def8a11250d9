package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"gotest.tools/v3/assert"
)

// An engine that fails in the middle appends what it has to say, wherever the
// archive broke off.
func TestEngineError(t *testing.T) {
	whole := packed(saved25(app))
	for name, said := range map[string]string{
		"stream format": `{"errorDetail":{"message":"disk \"x\" is gone"},"error":"disk \"x\" is gone"}` + "\r\n",
		"plain":         `{"message":"disk \"x\" is gone"}` + "\n",
	} {
		for _, cut := range []int{0, 100, 512, 1000, 1024, 5000, len(whole) / 2, len(whole) - 1024, len(whole)} {
			for _, way := range []string{"stream", "trusted"} {
				images, err := ways[way](t, append(whole[:cut:cut], said...), newRecorder(), Options{})
				assert.ErrorContains(t, err, `the engine broke off: disk "x" is gone`, "%s, %s, cut at %d", name, way, cut)
				assert.Equal(t, len(images), 0)
			}
		}
	}
}

func TestStreamError(t *testing.T) {
	whole := packed(saved20(app))
	r := io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotest.ErrReader(os.ErrDeadlineExceeded))
	_, err := ReadStream(t.Context(), r, newRecorder(), Options{})
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestStreamInBits(t *testing.T) {
	v := newRecorder()
	images, err := Stream("-", iotest.OneByteReader(bytes.NewReader(packed(bothKinds(zstdOf, app)))), Options{}).Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, app)
}

// The writer of a pipe gets to write all of it, though nothing is of interest
// after the archive's end.
func TestStreamIsReadToItsEnd(t *testing.T) {
	r := strings.NewReader(string(packed(saved20(web))) + strings.Repeat("\x00", 100_000))
	_, err := ReadStream(t.Context(), r, newRecorder(), Options{})
	assert.NilError(t, err)
	assert.Equal(t, r.Len(), 0)
}

func TestTrustedIsNotHashed(t *testing.T) {
	files := with(saved25(web), file{name: place(base), body: high})
	images, err := ways["trusted"](t, packed(files), newRecorder(), Options{})
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	images, err = ways["stream"](t, packed(files), newRecorder(), Options{})
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "digest mismatch: the blob should be")
}

// In archives of 20.10 the names say nothing, but the configuration does.
func TestDiffIDIsChecked(t *testing.T) {
	files := saved20(web)
	for i := range files {
		if files[i].body == base {
			files[i].body = high
		}
	}
	images, err := ways["stream"](t, packed(files), newRecorder(), Options{})
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "digest mismatch: the uncompressed layer should be")
}

func TestTooMuchJSON(t *testing.T) {
	files := saved20(web)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		files = append([]file{{name: name, body: "{" + strings.Repeat(" ", 7<<20) + "}"}}, files...)
	}
	v := newRecorder()
	images, err := ways["stream"](t, packed(files), v, Options{})
	assert.NilError(t, err)
	v.expect(t, images, web) // small ones find room still
	files = with(files, file{name: "manifest.json", body: `[{"Config":"a"}]`})
	images, err = ways["stream"](t, packed(files), v, Options{})
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, `reading "a": the stream has more than 32 MiB of JSON`)
}

// Nothing can interrupt a read of a terminal, so Images does not wait for it.
func TestCancelWhileWaiting(t *testing.T) {
	r, w, err := os.Pipe()
	assert.NilError(t, err)
	t.Cleanup(func() { w.Close(); r.Close() })
	whole := packed(saved20(app))
	_, err = w.Write(whole[:2000])
	assert.NilError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Stream("-", r, Options{}).Images(ctx, newRecorder())
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		assert.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		t.Fatal("it still waits for the pipe")
	}
}

// canceller cancels in the middle of a layer, and then goes on reading.
type canceller struct {
	recorder
	cancel func()
}

func (c *canceller) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	c.cancel()
	return c.recorder.Layer(ctx, blob, headers)
}

func TestCancelInLayer(t *testing.T) {
	for name, files := range map[string][]file{"plain": saved20(app), "gzip": layout(gzipOf, app), "zstd": layout(zstdOf, app)} {
		file := inFile(t, packed(files))
		for way, source := range map[string]func(t *testing.T) Source{
			"file": func(t *testing.T) Source {
				s, err := Open(file, Options{})
				assert.NilError(t, err)
				return s
			},
			"stream": func(t *testing.T) Source {
				f, err := os.Open(file)
				assert.NilError(t, err)
				t.Cleanup(func() { f.Close() })
				return Stream("-", f, Options{})
			},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				v := &canceller{recorder: *newRecorder(), cancel: cancel}
				images, err := source(t).Images(ctx, v)
				assert.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, len(images), 0)
			})
		}
	}
}
