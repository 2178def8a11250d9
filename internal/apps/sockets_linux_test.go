package apps

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/probe/probetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func TestMain(m *testing.M) { probetest.Main(m) }

// newProbe is a probe of a remapped engine next to this test.
func newProbe(t *testing.T, e *testengine.Engine) *probe.Probe {
	t.Helper()
	p := &probe.Probe{API: e.Client(t), Host: host.Local(), Map: probetest.Remapped, Program: probetest.Program(t)}
	t.Cleanup(func() { assert.Check(t, p.Close()) })
	return p
}

// A socket of a container is tried as the container's own user.
func TestSocketsInside(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	probetest.Busybox(t, e)
	dir := filepath.Join(e.Dir, "run")
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "closed"), 0o700))
	for name, owner := range map[string]int{"users": testengine.Base + 1000, "roots": 0} {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		assert.NilError(t, err)
		t.Cleanup(func() { l.Close() })
		assert.NilError(t, os.Chown(filepath.Join(dir, name), owner, owner))
		assert.NilError(t, os.Chmod(filepath.Join(dir, name), 0o600))
	}
	probetest.Docker(t, e, "run", "-d", "--network=none", "--name=app", "--user=app", "-v", dir+":/run/it:ro", "bb", "sleep", "600")
	t.Cleanup(func() { probetest.Docker(t, e, "rm", "-f", "app") })
	p := newProbe(t, e)
	reach := func(path string) error {
		a, err := ParseAddress(path)
		assert.NilError(t, err)
		return Socket{Address: a, Container: "app"}.check(t.Context(), p)
	}
	assert.Check(t, reach("/run/it/users"))
	assert.Check(t, is.ErrorContains(reach("/run/it/roots"), "/run/it/roots in container app: permission denied"))
	assert.Check(t, is.ErrorContains(reach("/run/it/closed"), "permission denied"))
	assert.Check(t, is.ErrorContains(reach("/run/it/empty"), "no such socket"))
}

func TestSocketsOfTheHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	assert.NilError(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	t.Cleanup(func() { tcp.Close() })
	check := func(text string) error {
		a, err := ParseAddress(text)
		assert.NilError(t, err)
		return a.Reach(t.Context(), host.Local(), SocketTime)
	}
	assert.Check(t, check(path))
	assert.Check(t, check("unix://"+path))
	assert.Check(t, check(tcp.Addr().String()))
	assert.Check(t, check("tcp://"+tcp.Addr().String()))
	l.Close()
	assert.Check(t, is.ErrorContains(check(path), "connecting to unix://"+path))
	for _, text := range []string{"", "proxy", "unix://proxy", "http://a:80/", "a:", ":80", "tcp://a"} {
		_, err := ParseAddress(text)
		assert.Check(t, err != nil, text)
	}
}

// sshHost is another machine, as far as a stream can tell: what is dialed there
// is there at once, and ends at once if nobody listens.
type sshHost struct {
	host.None
	serve func(net.Conn)
}

func (sshHost) Kind() string { return host.KindSSH }

func (h sshHost) DialHost(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go h.serve(there)
	return here, nil
}

func TestSocketsOfAnotherHost(t *testing.T) {
	a, err := ParseAddress("/run/proxy.sock")
	assert.NilError(t, err)
	silent := make(chan struct{})
	defer close(silent)
	assert.Check(t, a.Reach(t.Context(), sshHost{serve: func(net.Conn) { <-silent }}, SocketTime))
	assert.Check(t, a.Reach(t.Context(), sshHost{serve: func(c net.Conn) { _, _ = c.Write([]byte("hello")) }}, SocketTime))
	err = a.Reach(t.Context(), sshHost{serve: func(c net.Conn) { c.Close() }}, SocketTime)
	assert.Check(t, is.ErrorContains(err, "nothing listens there"))
}
