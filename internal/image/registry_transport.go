package image

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// guarded is a transport to a registry that does not wait for ever, and speaks
// plain http to this machine alone, and to the registry if it is insecure, as docker does.
type guarded struct {
	*http.Transport
	stall    time.Duration
	host     string // of the registry, with its port
	prefix   string // the path of a mirror before "/v2/", such as "/hub"; "" for most
	insecure bool
	lent     bool // its certificate is trusted as the engine's host has it alone
}

func newTransport(l Limits, certs *tls.Config) *guarded {
	const patience = 30 * time.Second
	return &guarded{stall: cmp.Or(l.Stall, patience), Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: cmp.Or(l.Dial, patience)}).DialContext,
		TLSHandshakeTimeout:   cmp.Or(l.TLS, patience),
		ResponseHeaderTimeout: cmp.Or(l.Headers, patience),
		TLSClientConfig:       certs,
		ForceAttemptHTTP2:     true,
		// Digests are of the bytes as stored.
		DisableCompression: true,
	}}
}

// once asks a registry.
func (g *guarded) once(req *http.Request) (*http.Response, error) {
	if !g.mayAsk(req.URL) {
		return nil, fmt.Errorf("%s speaks plain http, which is for registries on this machine and for insecure-registries of the engine", req.URL.Host)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := g.Transport.RoundTrip(g.below(req.WithContext(ctx)))
	if err != nil {
		cancel(err)
		return nil, err
	}
	timer := time.AfterFunc(g.stall, func() { cancel(errStalled) })
	timer.Stop()
	resp.Body = &guardedBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, timer: timer, stall: g.stall}
	return resp, nil
}

// below is a request as a mirror with a path wants it. A redirect leads where it says.
func (g *guarded) below(req *http.Request) *http.Request {
	if g.prefix == "" || req.Response != nil || req.URL.Host != g.host || !strings.HasPrefix(req.URL.Path, "/v2/") {
		return req
	}
	u := *req.URL
	u.Path, u.RawPath = g.prefix+u.Path, ""
	req.URL = &u
	return req
}

// mayAsk reports whether a registry may lead there. One that is elsewhere does not have
// servers of this machine asked.
func (g *guarded) mayAsk(u *url.URL) bool {
	return u.Scheme == "https" || isLoopback(u.Hostname()) && isLoopback(hostname(g.host)) || g.insecure && u.Host == g.host
}

// isLoopback is for the hosts that docker treats as insecure by default.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// guardedBody breaks off where a single read takes too long.
type guardedBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && context.Cause(b.ctx) == errStalled {
		err = fmt.Errorf("%w: no byte in %v", errStalled, b.stall)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(context.Canceled)
	return err
}
