package image

import (
	"net/http"
	"strconv"
	"time"
)

// A registry that has too much to do says when to ask again (RFC 9110, 10.2.3). It is
// asked this often, and not if it wants a longer pause.
const (
	maxAttempts = 5
	maxPause    = time.Minute
)

// RoundTrip is of http.RoundTripper. What sends a body is sent once.
func (g *guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := g.once(req)
		if err != nil || attempt == maxAttempts || req.Body != nil && req.Body != http.NoBody {
			return resp, err
		}
		pause, ok := retryAfter(resp, time.Now())
		if !ok {
			return resp, nil
		}
		_ = resp.Body.Close()
		select {
		case <-req.Context().Done():
			return nil, req.Context().Err()
		case <-time.After(pause):
		}
	}
}

// retryAfter is how long a registry wants to be left alone before the same is asked
// again, and whether it wants to be asked again, soon enough.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	said := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 16); err == nil {
		pause := time.Duration(seconds) * time.Second
		return pause, pause <= maxPause
	}
	at, err := http.ParseTime(said)
	if err != nil {
		return 0, false
	}
	pause := max(0, at.Sub(now))
	return pause, pause <= maxPause
}
