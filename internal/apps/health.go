package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"

	"github.com/docker-userns/docker-userns/internal/report"
)

// Limits of one health check.
const (
	HealthTime    = 10 * time.Second // if no time is given
	healthMaxBody = 1 << 20          // bytes
	maxRedirects  = 5
)

// Health is a question to an application: GET URL gives 2xx, and Expr is true of
// the JSON that it answers.
type Health struct {
	Name    string   `yaml:"name"`
	URL     URL      `yaml:"url"`
	Expr    Expr     `yaml:"expr"`    // none: any 2xx will do
	Timeout Duration `yaml:"timeout"` // for the whole of it; HealthTime where 0
}

// NewHealth makes a health check from words, such as those of flags. expr may be
// "".
func NewHealth(url, expr string) (Health, error) {
	u, err := ParseURL(url)
	if err != nil {
		return Health{}, err
	}
	e, err := ParseExpr(expr)
	return Health{URL: u, Expr: e}, err
}

// Check asks once. nil is good health; an error says what was wrong with it, in
// words of the answer that are not to be trusted on a terminal.
//
// A URL of localhost or of a unix socket is meant on the daemon's host h, and
// reached through it over ssh; any other one is asked from here. A redirect is
// followed to the same server alone.
func (c Health) Check(ctx context.Context, h host.Host) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout.or(HealthTime))
	defer cancel()
	body, err := c.get(ctx, h)
	if err == nil && !c.Expr.None() {
		err = c.matches(ctx, body)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("asking %s: no complete answer within %s", c.URL, c.Timeout.or(HealthTime))
	}
	return fmt.Errorf("asking %s: %w", c.URL, err)
}

func (c Health) get(ctx context.Context, h host.Host) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL.request(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	transport := &http.Transport{DialContext: c.URL.dial(h), DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: sameServer}
	answer, err := client.Do(request)
	if err != nil {
		return nil, unwrapped(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, healthMaxBody+1))
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return nil, fmt.Errorf("it answered %s: %s", answer.Status, report.Beginning(body))
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case len(body) > healthMaxBody:
		return nil, errors.New("the answer is longer than 1 MiB")
	}
	return body, nil
}

// sameServer refuses to be sent elsewhere: another server's health would be
// taken for this one's.
func sameServer(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("it redirects to %s, which is another server: give that URL if it is meant", next.URL.Redacted())
	}
	if len(before) > maxRedirects {
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	}
	return nil
}

func (c Health) matches(ctx context.Context, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("the answer is not JSON (%w): %s", err, report.Beginning(body))
	}
	if err := c.Expr.Holds(ctx, value); err != nil {
		return fmt.Errorf("%w; the answer was %s", err, report.Beginning(body))
	}
	return nil
}
