package apps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// URL is where a health endpoint is: http, https, or unix:///run/app.sock:/health
// for a path of a server that listens on a unix socket.
type URL struct {
	text   string
	server *url.URL // that is asked
	socket string   // "" for tcp
}

var errNoURL = errors.New("not http://HOST, https://HOST or unix:///SOCKET")

// ParseURL reads a URL, and says what is wrong with it.
func ParseURL(text string) (URL, error) {
	if rest, ok := strings.CutPrefix(text, "unix://"); ok {
		socket, page, _ := strings.Cut(rest, ":")
		u, err := url.Parse("http://localhost" + page)
		if err == nil && (!path.IsAbs(socket) || page != "" && !path.IsAbs(page)) {
			err = errors.New("not unix:///SOCKET or unix:///SOCKET:/PATH")
		}
		if err != nil {
			return URL{}, fmt.Errorf("reading URL %q: %w", text, unwrapped(err))
		}
		return URL{text, u, path.Clean(socket)}, nil
	}
	u, err := url.Parse(text)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		err = errNoURL
	}
	if err != nil && strings.Contains(text, "@") {
		err = errNoURL // another error may quote a password
	}
	if err != nil {
		return URL{}, fmt.Errorf("reading URL %s: %w", shown(text), unwrapped(err))
	}
	return URL{u.Redacted(), u, ""}, nil
}

// shown is text that may be no URL, as an error can quote it: without what could be a
// password.
func shown(text string) string {
	before, rest, found := strings.Cut(text, "://")
	if !found {
		before, rest = "", text
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "xxxxx" + rest[i:]
	}
	if found {
		rest = before + "://" + rest
	}
	return strconv.Quote(rest)
}

// String is the URL without a password.
func (u URL) String() string { return u.text }

// None says that there is none.
func (u URL) None() bool { return u.server == nil }

func (u URL) request() string { return u.server.String() }

// dial opens streams to the server, and to nothing else.
func (u URL) dial(h host.Host) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if u.socket != "" {
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer(h, true)(ctx, "unix", u.socket)
		}
	}
	return dialer(h, isLoopback(u.server.Hostname()))
}

// dialer opens streams from this machine, or from the daemon's host where that
// is another one and the address is one of its own.
func dialer(h host.Host, own bool) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if there, ok := h.(host.StreamDialer); ok && own && h.Kind() == host.KindSSH {
		return there.DialHost
	}
	return new(net.Dialer).DialContext
}

// isLoopback reports whether a name means the machine itself.
func isLoopback(name string) bool {
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && ip.IsLoopback()
}

// unwrapped is an error of net/url or net/http without the URL, which the caller
// says.
func unwrapped(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// Server is the name and the port that are asked; "" for a unix socket.
func (u URL) Server() (name, port string) {
	if u.server == nil || u.socket != "" {
		return "", ""
	}
	port = u.server.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.server.Scheme]
	}
	return u.server.Hostname(), port
}
