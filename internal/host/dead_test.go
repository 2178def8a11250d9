//go:build linux

package host

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"gotest.tools/v3/assert"
)

// Over a connection that is dead, neither the end of a request's context nor
// Close waits until ssh says so, which takes a minute: it still runs then.
func TestDeadConnection(t *testing.T) {
	addrs := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")}
	for network, addr := range addrs {
		l, err := net.Listen(network, addr)
		assert.NilError(t, err)
		t.Cleanup(func() { l.Close() })
		go http.Serve(l, http.HandlerFunc(silent))
		addrs[network] = l.Addr().String()
	}
	server := hosttest.SSHD(t)
	for name, dial := range map[string]func(*sshHost, context.Context) (net.Conn, error){
		"daemon": func(h *sshHost, ctx context.Context) (net.Conn, error) { return h.DialContext(ctx, "", "") },
		"tcp":    func(h *sshHost, ctx context.Context) (net.Conn, error) { return h.DialHost(ctx, "tcp", addrs["tcp"]) },
		"unix":   func(h *sshHost, ctx context.Context) (net.Conn, error) { return h.DialHost(ctx, "unix", addrs["unix"]) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("docker"); err != nil && name == "daemon" {
				t.Skip("needs the docker CLI, which leads to the daemon")
			}
			h, err := newSSH(filepath.Join(server.Bin, "ssh"), hosttest.Endpoint+addrs["unix"])
			assert.NilError(t, err)
			giveUp(t, h.(*sshHost), server, dial)
		})
	}
}

// silent begins an answer, and says no more.
func silent(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "and")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func giveUp(t *testing.T, h *sshHost, server *hosttest.Server, dial func(*sshHost, context.Context) (net.Conn, error)) {
	var conn net.Conn
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (c net.Conn, err error) {
		conn, err = dial(h, ctx)
		return conn, err
	}}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://box", nil)
	assert.NilError(t, err)
	res, err := transport.RoundTrip(req)
	assert.NilError(t, err)
	h.turn <- struct{}{} // the request that made the shell may still be under way
	ssh := h.shell.cmd.Process.Pid
	<-h.turn
	server.Stall(t)
	cancel()
	_, err = io.ReadAll(res.Body)
	assert.ErrorIs(t, err, context.Canceled)
	res.Body.Close()
	conn.Close()
	running, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", ssh))
	assert.NilError(t, err)
	assert.Assert(t, len(running) > 0, "ssh has ended by itself")
	assert.NilError(t, h.Close())
	assert.ErrorIs(t, h.Root(t.Context()), errClosed)
}
