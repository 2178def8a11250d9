package apps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/probe"
)

// SocketTime is how long a socket may take to answer if no time is given.
const SocketTime = 5 * time.Second

// Socket is a socket that has to take connections: on the daemon's host, or
// with Container inside of one, where it is asked by the container's own user.
type Socket struct {
	Name      string   `yaml:"name"`
	Address   Address  `yaml:"address"`
	Container string   `yaml:"container"`
	Timeout   Duration `yaml:"timeout"`
}

// Address is where a socket is: unix:///PATH or an absolute path, tcp://HOST:PORT
// or HOST:PORT.
type Address struct{ network, addr string }

// ParseAddress reads an address, and says what is wrong with it.
func ParseAddress(text string) (Address, error) {
	if p := strings.TrimPrefix(text, "unix://"); path.IsAbs(p) {
		return Address{"unix", path.Clean(p)}, nil
	}
	addr := strings.TrimPrefix(text, "tcp://")
	name, port, err := net.SplitHostPort(addr)
	if err != nil || name == "" || port == "" || strings.ContainsAny(addr, "/ ") {
		return Address{}, fmt.Errorf("socket %q is not unix:///PATH or tcp://HOST:PORT", text)
	}
	return Address{"tcp", addr}, nil
}

// String is the address as ParseAddress reads it.
func (a Address) String() string {
	if a.network == "" {
		return ""
	}
	return a.network + "://" + a.addr
}

// None says that there is none.
func (a Address) None() bool { return a.network == "" }

// Unix is the path of a unix socket, "" of any other.
func (a Address) Unix() string {
	if a.network != "unix" {
		return ""
	}
	return a.addr
}

// Reach connects to the socket and hangs up: nil if something took the
// connection. A unix socket and an address of localhost are meant on the daemon's
// host h, and reached through it over ssh; any other is dialed from here.
func (a Address) Reach(ctx context.Context, h host.Host, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	name, _, _ := net.SplitHostPort(a.addr)
	c, err := dialer(h, a.network == "unix" || isLoopback(name))(ctx, a.network, a.addr)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", a, err)
	}
	defer c.Close()
	if h != nil && h.Kind() == host.KindSSH {
		if err := taken(ctx, c); err != nil {
			return fmt.Errorf("connecting to %s: %w", a, err)
		}
	}
	return nil
}

// takenTime is how long ssh may take to say that nobody listens.
const takenTime = 2 * time.Second

// taken waits for word that nobody listens: over ssh a stream is there before the
// other end has answered, and ends at once if none does
// ([host.StreamDialer]). One that stays open, or says something, was taken.
func taken(ctx context.Context, c net.Conn) error {
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			return errors.New("it was closed at once: nothing listens there, or the ssh user may not connect")
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(takenTime):
		return nil
	}
}

// check is Reach, or Connect from inside of the container.
func (s Socket) check(ctx context.Context, engine *probe.Probe) error {
	within := s.Timeout.or(SocketTime)
	if s.Container == "" {
		return s.Address.Reach(ctx, engine.Host, within)
	}
	found, err := engine.Connect(ctx, s.Container, []string{s.Address.Unix()})
	if err != nil {
		return err
	}
	for _, socket := range found {
		if socket.Refused != "" {
			return fmt.Errorf("connecting to %s in container %s: %s", socket.Path, s.Container, socket.Refused)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("connecting to %s in container %s: no such socket", s.Address, s.Container)
	}
	return nil
}

// Server is the name and the port that are asked; "" for a unix socket.
func (a Address) Server() (name, port string) {
	if a.network != "tcp" {
		return "", ""
	}
	name, port, _ = net.SplitHostPort(a.addr)
	return name, port
}
