package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// endless is an engine whose answers have no end, but for images: they do.
func endless(t *testing.T) (*client.Client, *answerBounds) {
	const image = 8 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		again := `{"Labels":{"a":"b"}},`
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/_ping"):
			return
		case strings.HasSuffix(path, "/images/get"):
			_, _ = io.CopyN(w, zeroes{}, image)
			return
		case strings.HasSuffix(path, "/volumes"):
			fmt.Fprint(w, `{"Volumes":[`)
			again = `null,`
		case strings.HasSuffix(path, "/info"):
			fmt.Fprint(w, `{"Warnings":[`)
			again = `"",`
		case strings.HasSuffix(path, "/json") && !strings.HasSuffix(path, "s/json"):
			fmt.Fprint(w, `{"Id":"`)
			again = "x"
		default:
			fmt.Fprint(w, `[`)
		}
		for chunk := strings.Repeat(again, 10000); ; {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://"+server.Listener.Addr().String()), client.WithAPIVersionNegotiation())
	assert.NilError(t, err)
	bounds, err := boundAnswers(c)
	assert.NilError(t, err)
	return c, bounds
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

// No answer of an engine takes more than there is memory for; images may be as
// large as they are.
func TestEndlessEngine(t *testing.T) {
	c, bounds := endless(t)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"info":       func() error { _, err := c.Info(ctx); return err },
		"containers": func() error { _, err := c.ContainerList(ctx, container.ListOptions{}); return err },
		"images":     func() error { _, err := c.ImageList(ctx, image.ListOptions{}); return err },
		"container":  func() error { _, err := c.ContainerInspect(ctx, "x"); return err },
		"image":      func() error { _, err := c.ImageInspect(ctx, "x"); return err },
		"top":        func() error { _, err := c.ContainerTop(ctx, "x", nil); return err },
	} {
		bounds.renew()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := call()
		runtime.ReadMemStats(&after)
		assert.ErrorContains(t, err, "larger than any real one", name)
		grown := after.HeapSys - min(after.HeapSys, before.HeapSys)
		assert.Check(t, grown < 1<<30, "%s: %d MiB", name, grown>>20)
	}
	bounds.left.Store(1 << 20)
	body, err := c.ImageSave(ctx, []string{"x"})
	assert.NilError(t, err)
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	assert.NilError(t, err)
	assert.Equal(t, n, int64(8<<20))
	// What one answer leaves is what the next may take.
	_, err = c.Info(ctx)
	assert.ErrorContains(t, err, "larger than any real one")
}

// An answer that does not end in time is given up, and an engine that hangs says
// why nothing more is waited for.
func TestSilentEngine(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	a := &answerBounds{next: http.DefaultTransport, within: 50 * time.Millisecond}
	ask := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/info", nil)
		assert.NilError(t, err)
		res, err := a.RoundTrip(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	assert.ErrorContains(t, ask(t.Context()), "was not complete")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, ask(ctx), context.Canceled)
}

// Each look at an engine may ask for as much as the first one.
func TestEachLookHasNewBounds(t *testing.T) {
	target := &target{engine: &engine{bounds: &answerBounds{}, host: host.None{}}}
	target.bounds.left.Store(-1)
	target.renewed()
	assert.Check(t, target.bounds.left.Load() > 0)
}
