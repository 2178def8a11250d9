package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"
)

// An engine is not believed to end its answers, all of which are JSON but for the
// images that it sends. Ten thousand containers take a quarter of this.
const (
	maxAnswer  = 64 << 20  // what one answer may cost
	maxAnswers = 256 << 20 // what all answers to one look at an engine may cost
	// valueCost is what a value costs besides its bytes: a list of nothing but
	// "{}," takes a hundred times as much memory as it has bytes.
	valueCost = 32
	// answerEnd is how long an answer may take to be read in full, actionEnd how
	// long what the engine does may take besides.
	answerEnd = 2 * time.Minute
	actionEnd = time.Hour
)

var errAnswerLate = errors.New("the engine's answer was not complete in time")

// answerBounds bounds what an engine answers.
type answerBounds struct {
	next   http.RoundTripper
	within time.Duration // that an answer has to be complete
	left   atomic.Int64  // that all further answers may cost
}

// boundAnswers puts bounds on a client. The client has to be made by then, since it
// knows its own transport only as it was.
func boundAnswers(c *client.Client) (*answerBounds, error) {
	own := c.HTTPClient()
	a := &answerBounds{next: own.Transport, within: answerEnd}
	a.renew()
	own.Transport = a
	return a, client.WithHTTPClient(own)(c)
}

// renew begins another look at the engine, of which nothing is kept that was
// answered before.
func (a *answerBounds) renew() { a.left.Store(maxAnswers) }

// RoundTrip bounds the body of the answer, and the time that reading takes.
func (a *answerBounds) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/images/get") { // as large as images are
		return a.next.RoundTrip(r)
	}
	within := a.within
	if r.Method != http.MethodGet {
		within = actionEnd
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), within, errAnswerLate)
	res, err := a.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errAnswerLate) {
			err = cause
		}
		cancel()
		return nil, err
	}
	res.Body = &bounded{ReadCloser: res.Body, all: a, left: maxAnswer, what: r.Method + " " + r.URL.Path, cancel: cancel}
	return res, nil
}

// bounded is the body of an answer.
type bounded struct {
	io.ReadCloser
	all    *answerBounds
	left   int64
	what   string
	cancel context.CancelFunc
}

// Read fails once the answer costs more than it may.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	cost := int64(n) + int64(bytes.Count(p[:n], []byte{','}))*valueCost
	b.left -= cost
	if b.all.left.Add(-cost) < 0 || b.left < 0 {
		return 0, fmt.Errorf("the engine's answer to %s is larger than any real one, and was not read to its end", b.what)
	}
	return n, err
}

// Close ends the answer.
func (b *bounded) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
