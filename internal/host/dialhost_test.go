//go:build linux

package host

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// boxed is a host behind an sshd of its own, and that sshd.
func boxed(t *testing.T, config ...string) (*sshHost, *hosttest.Server) {
	server := hosttest.SSHD(t, config...)
	h, err := newSSH(filepath.Join(server.Bin, "ssh"), hosttest.Endpoint)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, h.Close()) })
	return h.(*sshHost), server
}

// listening is a server of each network that hands its streams to serve.
func listening(t *testing.T, serve func(net.Conn)) []net.Addr {
	var addrs []net.Addr
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		l, err := net.Listen(network, addr)
		assert.NilError(t, err)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// echo answers what was said once all of it was.
func echo(c net.Conn) {
	defer c.Close()
	said, _ := io.ReadAll(c)
	c.Write(said)
}

func eachDialer(t *testing.T, test func(t *testing.T, h StreamDialer)) {
	for name, open := range map[string]func(t *testing.T) StreamDialer{
		"local": func(*testing.T) StreamDialer { return Local().(StreamDialer) },
		"sudo":  func(t *testing.T) StreamDialer { return openSudo(t).(StreamDialer) },
		"ssh":   func(t *testing.T) StreamDialer { h, _ := boxed(t); return h },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// A stream carries every byte both ways, and its halves end apart.
func TestDialHost(t *testing.T) {
	addrs := listening(t, echo)
	eachDialer(t, func(t *testing.T, h StreamDialer) {
		for _, addr := range addrs {
			conn, err := h.DialHost(t.Context(), addr.Network(), addr.String())
			assert.NilError(t, err)
			_, err = conn.Write(everyByte())
			assert.NilError(t, err)
			assert.NilError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
			got, err := io.ReadAll(conn)
			assert.NilError(t, err)
			assert.Check(t, is.DeepEqual(got, everyByte()), addr.Network())
			assert.NilError(t, conn.Close())
		}
	})
}

// Many requests of an HTTP client share the one login.
func TestDialHostHTTP(t *testing.T) {
	h, server := boxed(t)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	assert.NilError(t, err)
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return h.DialHost(ctx, "unix", l.Addr().String())
	}}
	for _, path := range []string{"/one", "/two"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://box"+path, nil)
		assert.NilError(t, err)
		res, err := transport.RoundTrip(req)
		assert.NilError(t, err)
		body, err := io.ReadAll(res.Body)
		assert.NilError(t, err)
		assert.Equal(t, string(body), path)
		assert.NilError(t, res.Body.Close())
	}
	assert.Equal(t, server.Logins(t), 1)
}

// Where there is no other end, the dialing or the first Read says so.
func TestDialHostRefused(t *testing.T) {
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	assert.NilError(t, unused.Close())
	missing := filepath.Join(t.TempDir(), "missing")
	eachDialer(t, func(t *testing.T, h StreamDialer) {
		for network, addr := range map[string]string{"tcp": unused.Addr().String(), "unix": missing} {
			assert.ErrorContains(t, greeted(h, network, addr), addr)
		}
	})
}

// greeted says why a server could not be heard.
func greeted(h StreamDialer, network, addr string) error {
	conn, err := h.DialHost(context.Background(), network, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestDialHostForbidden(t *testing.T) {
	addrs := listening(t, echo)
	h, _ := boxed(t, "AllowTcpForwarding no", "AllowStreamLocalForwarding no")
	for _, addr := range addrs {
		err := greeted(h, addr.Network(), addr.String())
		assert.ErrorContains(t, err, "on box: ")
		assert.ErrorContains(t, err, "Forwarding in sshd_config)")
	}
	assert.NilError(t, h.Root(t.Context()))
}

// A path in the place of a name, and what else ssh would read as something of
// its own.
func TestDialHostAddresses(t *testing.T) {
	for _, bad := range [][2]string{
		{"tcp", "/tmp/s"}, {"tcp", "/tmp:80"}, {"tcp", "box"}, {"tcp", "box:http"}, {"tcp", ":80"}, {"tcp", "box:0"}, {"tcp", `b\x:1`},
		{"unix", "s"}, {"unix", "/a:b"}, {"unix", "/%h"}, {"unix", "/${HOME}"}, {"unix", `/a\b`}, {"udp", "box:53"},
	} {
		assert.Check(t, checkAddr(bad[0], bad[1]) != nil, "%q", bad)
	}
	assert.NilError(t, checkAddr("tcp", "[::1]:80"))
	assert.NilError(t, checkAddr("tcp", "db1.example.net:8080"))
	assert.NilError(t, checkAddr("unix", "/run/my-proxy_1/api.sock"))
}

// Close ends a Read that waits, and the server sees the end.
func TestDialHostClose(t *testing.T) {
	ended := make(chan error, 2)
	addrs := listening(t, func(c net.Conn) {
		c.Write([]byte("hello"))
		_, err := io.Copy(io.Discard, c)
		ended <- err
	})
	eachDialer(t, func(t *testing.T, h StreamDialer) {
		for _, addr := range addrs {
			conn, err := h.DialHost(t.Context(), addr.Network(), addr.String())
			assert.NilError(t, err)
			_, err = io.ReadFull(conn, make([]byte, 5))
			assert.NilError(t, err)
			waiting := make(chan error)
			go func() { _, err := conn.Read(make([]byte, 1)); waiting <- err }()
			assert.NilError(t, conn.Close())
			assert.Check(t, <-waiting != nil)
			<-ended
		}
	})
}

// ctx ends a dialing that waits for a host that does not answer.
func TestDialHostCancel(t *testing.T) {
	program := filepath.Join(t.TempDir(), "ssh")
	assert.NilError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$1\" = -G ] || exec sleep 100\n"), 0o700))
	h, err := newSSH(program, "ssh://box")
	assert.NilError(t, err)
	defer h.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err = h.(StreamDialer).DialHost(ctx, "tcp", "127.0.0.1:80")
	assert.ErrorIs(t, err, context.Canceled)
}

// A connection that the user's own ssh_config shares is joined as well, and
// nothing of ours stays behind in it. A connection that was cut is made again.
func TestDialHostJoins(t *testing.T) {
	addrs := listening(t, echo)
	h, server := boxed(t)
	control := filepath.Join(server.Bin, "c")
	config, err := os.OpenFile(filepath.Join(server.Bin, "config"), os.O_APPEND|os.O_WRONLY, 0)
	assert.NilError(t, err)
	_, err = config.WriteString("\n ControlPath " + control + "\n ControlMaster auto\n")
	assert.NilError(t, err)
	assert.NilError(t, config.Close())
	for logins := 1; logins <= 2; logins++ {
		for _, addr := range addrs {
			conn, err := h.DialHost(t.Context(), addr.Network(), addr.String())
			assert.NilError(t, err)
			assert.NilError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
			_, err = conn.Read(make([]byte, 1))
			assert.Check(t, err != nil)
			assert.NilError(t, conn.Close())
		}
		assert.Equal(t, h.shared.control(), control)
		assert.Equal(t, server.Logins(t), logins)
		assert.NilError(t, h.shell.cmd.Process.Signal(syscall.SIGKILL))
		assert.ErrorContains(t, h.Root(t.Context()), "reaching box: ")
	}
}

// cut ends the sshd that serves the shell it runs in.
const cut = `p=$$
until case $(cat /proc/$p/comm) in sshd*) ;; *) false ;; esac; do p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status); done
kill -9 $p`

// A connection that is cut in the midst of an answer fails the call that waits
// for it; what comes after has a new one.
func TestConnectionCut(t *testing.T) {
	addrs := listening(t, echo)
	h, server := boxed(t)
	for logins := 1; logins <= 3; logins++ {
		assert.NilError(t, h.Root(t.Context()))
		_, err := h.Run(t.Context(), Command{Args: []string{"sh", "-c", cut}})
		assert.ErrorContains(t, err, "running sh: reaching box: ")
		assert.Equal(t, server.Logins(t), logins)
	}
	for _, addr := range addrs {
		conn, err := h.DialHost(t.Context(), addr.Network(), addr.String())
		assert.NilError(t, err)
		assert.NilError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
		_, err = conn.Read(make([]byte, 1))
		assert.Check(t, err != nil)
		assert.NilError(t, conn.Close())
	}
	assert.Equal(t, server.Logins(t), 4)
}
