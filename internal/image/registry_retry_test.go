package image

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		code  int
		after string
		pause time.Duration
		again bool
	}{
		{429, "0", 0, true},
		{503, "60", time.Minute, true},
		{429, "61", 61 * time.Second, false},
		{429, "99999999999999999999", 0, false},
		{429, "-1", 0, false},
		{429, "", 0, false},
		{503, "Thu, 01 Jan 2026 00:00:30 GMT", 30 * time.Second, true},
		{503, "Wed, 31 Dec 2025 00:00:00 GMT", 0, true},
		{503, "Fri, 02 Jan 2026 00:00:00 GMT", 24 * time.Hour, false},
		{500, "0", 0, false},
	} {
		pause, again := retryAfter(&http.Response{StatusCode: c.code, Header: http.Header{"Retry-After": {c.after}}}, now)
		assert.Equal(t, pause, c.pause, "%d %q", c.code, c.after)
		assert.Equal(t, again, c.again, "%d %q", c.code, c.after)
	}
}

// TestRegistryThatIsBusy: a registry that says when to ask again is asked again, but
// not for ever.
func TestRegistryThatIsBusy(t *testing.T) {
	one := picture{tag: "1", layers: []string{layer("one:1:1")}}
	for _, c := range []struct {
		busy int64
		want string
	}{{2, ""}, {1000, "rate limit is reached"}} {
		h := newHub(t)
		h.push(t, "1", gzipOf, one)
		var asked atomic.Int64
		h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, hex(gzipOf(one.layers[0]))) && asked.Add(1) <= c.busy {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		}
		images, err := Registry{Names: []string{h.name("app:1")}}.Images(t.Context(), newRecorder())
		assert.NilError(t, err)
		if c.want == "" {
			assert.NilError(t, images[0].Err)
			assert.Equal(t, asked.Load(), c.busy+1)
			continue
		}
		assert.ErrorContains(t, images[0].Err, c.want)
		assert.Equal(t, asked.Load(), int64(maxAttempts))
	}
}
