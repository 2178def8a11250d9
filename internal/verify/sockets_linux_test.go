package verify

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func docker(t *testing.T, e *testengine.Engine, args ...string) string {
	t.Helper()
	out, err := e.Docker(args...).CombinedOutput()
	assert.NilError(t, err, "docker %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// listen makes a socket in a folder, with an owner and a mode.
func listen(t *testing.T, network, path string, uid, gid int, mode fs.FileMode) {
	t.Helper()
	var c interface{ Close() error }
	var err error
	if network == "unixgram" {
		c, err = net.ListenUnixgram(network, &net.UnixAddr{Name: path, Net: network})
	} else {
		c, err = net.Listen(network, path)
	}
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	assert.NilError(t, os.Chown(path, uid, gid))
	assert.NilError(t, os.Chmod(path, mode))
}

// Sockets are tried as the container's own user, by name, with the groups that
// its image gives it.
func TestConnectFromInside(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	loadBusybox(t, e)
	dir := filepath.Join(e.Dir, "run")
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "deep"), 0o755))
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "closed"), 0o700))
	const user, group = testengine.Base + 1000, testengine.Base + 1234
	listen(t, "unix", filepath.Join(dir, "users"), user, user, 0o600)
	listen(t, "unix", filepath.Join(dir, "groups"), 0, group, 0o660)
	listen(t, "unix", filepath.Join(dir, "roots"), 0, 0, 0o660)
	listen(t, "unix", filepath.Join(dir, "a \"b\"\n"), 0, 0, 0o666)
	listen(t, "unixgram", filepath.Join(dir, "deep", "log"), 0, 0, 0o666)
	listen(t, "unixpacket", filepath.Join(dir, "deep", "packets"), 0, 0, 0o666)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale"), Net: "unix"})
	assert.NilError(t, err)
	stale.SetUnlinkOnClose(false)
	assert.NilError(t, stale.Close())
	assert.NilError(t, os.Chmod(filepath.Join(dir, "stale"), 0o666))
	run := func(name string, args ...string) {
		docker(t, e, append(append([]string{"run", "-d", "--network=none", "--name=" + name, "-v", dir + ":/run/it:ro"}, args...), "bb", "sleep", "600")...)
	}
	run("app", "--user=app", "-v", filepath.Join(dir, "roots")+":/roots")
	run("root")
	run("host", "--userns=host")
	t.Cleanup(func() { docker(t, e, "rm", "-f", "app", "root", "host") })

	const denied, nobody = "permission denied", "connection refused"
	p := newProbe(t, e, remapped)
	for _, tc := range []struct {
		container string
		paths     []string
		want      map[string]string
	}{
		{"app", []string{"/run/it", "/roots", "/missing"}, map[string]string{
			"/run/it/users": "", "/run/it/groups": "", "/run/it/roots": denied, "/run/it/stale": nobody, "/run/it/a \"b\"\n": "",
			"/run/it/deep/log": "", "/run/it/deep/packets": "", "/roots": denied, "/missing": "no such file or directory",
		}},
		{"root", []string{"/run/it/users", "/run/it/groups", "/run/it/roots"}, map[string]string{
			"/run/it/users": "", "/run/it/groups": denied, "/run/it/roots": denied,
		}},
		{"host", []string{"/run/it/roots"}, map[string]string{"/run/it/roots": ""}},
	} {
		found, err := p.Connect(t.Context(), tc.container, tc.paths)
		assert.NilError(t, err, tc.container)
		got := map[string]string{}
		for _, c := range found {
			got[c.Path] = c.Refused
		}
		assert.Check(t, is.DeepEqual(got, tc.want), tc.container)
	}
	target := Target{API: p.API, Host: p.Host, Probe: p}
	reach := func(path string) error {
		a, err := ParseAddress(path)
		assert.NilError(t, err)
		return AppSocket{Address: a, Container: "app"}.check(t.Context(), target)
	}
	assert.Check(t, reach("/run/it/users"))
	assert.Check(t, is.ErrorContains(reach("/run/it/roots"), "/run/it/roots in container app: permission denied"))
	assert.Check(t, is.ErrorContains(reach("/run/it/closed"), "permission denied"))
	assert.Check(t, is.ErrorContains(reach("/run/it/empty"), "there is no socket"))

	_, err = p.Connect(t.Context(), "missing", []string{"/"})
	assert.ErrorContains(t, err, "looking at container missing")
	t.Run("also beside another image", func(t *testing.T) {
		p := newProbe(t, e, remapped)
		p.Image = "bb"
		found, err := p.Connect(t.Context(), "app", []string{"/run/it/users"})
		assert.NilError(t, err)
		assert.DeepEqual(t, found, []Connected{{Path: "/run/it/users"}})
	})
	assert.NilError(t, p.Close())
	assert.Equal(t, docker(t, e, "ps", "-aq", "--filter=label="+ProbeLabel), "")
	assert.Equal(t, docker(t, e, "volume", "ls", "-q"), "")
	assert.Equal(t, docker(t, e, "image", "ls", "-q", "--filter=label="+ProbeLabel), "")
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
// is there at once, and ends at once where nobody listens.
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
	assert.Check(t, is.ErrorContains(err, "nobody listens"))
}
