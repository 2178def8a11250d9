package probe

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/probe/probetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

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
	probetest.Busybox(t, e)
	dir := filepath.Join(e.Dir, "run")
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "deep"), 0o755))
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
		probetest.Docker(t, e, append(append([]string{"run", "-d", "--network=none", "--name=" + name, "-v", dir + ":/run/it:ro"}, args...), "bb", "sleep", "600")...)
	}
	run("app", "--user=app", "-v", filepath.Join(dir, "roots")+":/roots")
	run("root")
	run("host", "--userns=host")
	t.Cleanup(func() { probetest.Docker(t, e, "rm", "-f", "app", "root", "host") })

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

	_, err = p.Connect(t.Context(), "missing", []string{"/"})
	assert.ErrorContains(t, err, "looking at container missing")
	t.Run("also with another image", func(t *testing.T) {
		p := newProbe(t, e, remapped)
		p.Image = "bb"
		found, err := p.Connect(t.Context(), "app", []string{"/run/it/users"})
		assert.NilError(t, err)
		assert.DeepEqual(t, found, []Connected{{Path: "/run/it/users"}})
	})
	assert.NilError(t, p.Close())
	assert.Equal(t, probetest.Docker(t, e, "ps", "-aq", "--filter=label="+Label), "")
	assert.Equal(t, probetest.Docker(t, e, "volume", "ls", "-q"), "")
	assert.Equal(t, probetest.Docker(t, e, "image", "ls", "-q", "--filter=label="+Label), "")
}
