package host

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
)

// A StreamDialer is a Host that also opens streams to what listens on it. Every
// Host but [None] is one.
//
// DialHost takes "tcp" with HOST:PORT, as the host itself resolves and reaches
// it, or "unix" with the absolute path of a socket. It fits http.Transport. Over
// ssh it joins the connection that is there, with the rights of the user who
// logged in, and returns before the other end has answered: that nothing listens
// there is the error of the first Read. There are no deadlines for tcp over ssh,
// so that Close, from any goroutine, is what ends a Read that takes too long.
// ctx is for the dialing alone.
type StreamDialer interface {
	DialHost(ctx context.Context, network, addr string) (net.Conn, error)
}

// dialHere reaches what listens on this machine.
func dialHere(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// DialHost is that of this machine: a stream takes no sudo.
func (r *remote) DialHost(ctx context.Context, network, addr string) (net.Conn, error) {
	return dialHere(ctx, network, addr)
}

// Addresses as ssh takes them. It gives a meaning of their own to colons,
// backslashes, percent and dollar signs; and a path in the place of a host's name
// makes `ssh -W` of OpenSSH 9.2 start a login shell.
var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)
	plainPath = regexp.MustCompile(`^/[A-Za-z0-9_./@+=,-]+$`)
)

// checkAddr refuses what ssh would take for something else.
func checkAddr(network, addr string) error {
	switch network {
	case "tcp":
		name, port, err := net.SplitHostPort(addr)
		if err != nil {
			return fmt.Errorf("dialing: %w", err)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !plainName.MatchString(name) {
			return fmt.Errorf("dialing %q: not HOST:PORT", addr)
		}
	case "unix":
		if !plainPath.MatchString(addr) {
			return fmt.Errorf("dialing %q: not an absolute path that ssh can forward", addr)
		}
	default:
		return fmt.Errorf("dialing %q: %w", addr, net.UnknownNetworkError(network))
	}
	return nil
}
