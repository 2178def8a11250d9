package survey_test

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func TestTake(t *testing.T) {
	s := newScene(t, testengine.Options{Config: `{"labels":["a=b"]}`})
	t.Setenv("PATH", hosttest.SSHD(t).Bin+":"+os.Getenv("PATH"))
	box, err := host.SSH(hosttest.Endpoint)
	assert.NilError(t, err)
	defer box.Close()
	sudo := host.Sudo(nil)
	defer sudo.Close()
	for name, at := range map[string]struct {
		endpoint string
		host     host.Host
	}{
		"local": {s.Host, host.Local()},
		"sudo":  {s.Host, sudo},
		"ssh":   {hosttest.Endpoint, box},
	} {
		t.Run(name, func(t *testing.T) {
			f := s.take(t, at.endpoint, at.host)
			assert.Equal(t, f.HostKind, name)
			assert.NilError(t, f.Root)
			checkEngine(t, s, f)
			checkHost(t, s, f)
			checkContainers(t, s, f)
			assert.Equal(t, f.Storage.Value.Current, s.DataRoot())
			assert.Check(t, is.Len(f.Storage.Value.Trees, 0))
		})
	}
}

func checkEngine(t *testing.T, s scene, f survey.Facts) {
	t.Helper()
	assert.NilError(t, f.Engine.Err)
	assert.Equal(t, f.Engine.Value.OSType, "linux")
	assert.Equal(t, f.Engine.Value.Containers, 2)
	assert.Check(t, f.Engine.Value.RuncVersion != "")
	assert.NilError(t, f.Images.Err)
	assert.DeepEqual(t, f.Images.Value[0].Tags, []string{"app:1"})
	assert.Check(t, f.Images.Value[0].Size > 1<<20)
	assert.NilError(t, f.Volumes.Err)
	assert.Equal(t, f.Volumes.Value[0].Name, "kept")
	for _, err := range []error{f.Networks.Err, f.Plugins.Err, f.Swarm.Err} {
		assert.NilError(t, err)
	}
}

func checkHost(t *testing.T, s scene, f survey.Facts) {
	t.Helper()
	assert.Equal(t, f.Where.Place, survey.PlaceHost)
	assert.NilError(t, f.Daemon.Err)
	assert.Equal(t, f.Daemon.Value.PID, s.PID)
	root, _ := f.Daemon.Value.Flag("data-root")
	assert.Equal(t, root, s.DataRoot())
	assert.Equal(t, f.Unit.Value.Manager, survey.NoUnit)
	assert.NilError(t, f.Config.Err)
	assert.Equal(t, f.Config.Value.Path, filepath.Join(s.Dir, "daemon.json"))
	assert.Equal(t, string(f.Config.Value.Data), `{"labels":["a=b"]}`)
	assert.Equal(t, f.Config.Value.Stat.Mode, fs.FileMode(0o600))
	assert.Check(t, f.Config.Value.Parent.Mode.IsDir())
	assert.Check(t, f.Daemon.Value.ConfigGiven)
	assert.NilError(t, f.Storage.Err)
	assert.Equal(t, f.Storage.Value.DataRoot, s.DataRoot())
	assert.Check(t, f.Storage.Value.Space.Free > 0)
	assert.Equal(t, f.Storage.Value.Path.Parents[0].Path, "/")
	assert.NilError(t, f.Kernel.Err)
	assert.Check(t, f.Kernel.Value.UserNamespaces)
	assert.NilError(t, f.Kernel.Value.MaxKeys.Err)
	assert.Check(t, f.Kernel.Value.MaxKeys.Value > 0 && f.Kernel.Value.MaxKeyBytes.Value > 0)
	assert.NilError(t, f.Accounts.Err)
	assert.Check(t, len(f.Accounts.Value.Users) > 5)
	assert.Check(t, f.Tools.Value["sh"] == "" && f.Tools.Value["dockerd"] != "")
	assert.NilError(t, f.Pending.Err)
	assert.Check(t, f.Pending.Value == nil)
}

func checkContainers(t *testing.T, s scene, f survey.Facts) {
	t.Helper()
	assert.NilError(t, f.Containers.Err)
	assert.Equal(t, len(f.Containers.Value), 2)
	job, web := f.Containers.Value[0], f.Containers.Value[1]
	assert.Equal(t, job.Name, "job")
	assert.Equal(t, job.Restart, "always")
	assert.Check(t, !job.Running() && web.Running())
	assert.Equal(t, web.UTSMode, "host")
	assert.Equal(t, web.Project(), "shop")
	assert.DeepEqual(t, web.Tmpfs, map[string]string{"/scratch": "uid=1000"})

	assert.NilError(t, job.Identity.Err)
	assert.DeepEqual(t, job.Identity.Value, survey.Account{UID: 1000, GID: 1001, Groups: []int64{50}})
	assert.NilError(t, web.Identity.Err)
	assert.DeepEqual(t, web.Identity.Value, survey.Account{UID: 1000, GID: 1001, Groups: []int64{50, 77}})

	assert.NilError(t, f.Paths.Err)
	assert.Equal(t, len(f.Paths.Value), 3)
	data := f.Paths.Value[s.dir+"/data"]
	assert.NilError(t, data.Stat.Err)
	assert.Equal(t, data.Stat.GID, int64(70001))
	assert.Equal(t, data.Parents[len(data.Parents)-1].Path, s.dir)
	assert.DeepEqual(t, f.Paths.Value[s.dir+"/link"], data)
	sock := f.Paths.Value[s.dir+"/it's a\nsock"]
	assert.Check(t, sock.Stat.Mode&fs.ModeSocket != 0)
}

// A remapped engine has its own tree, and its containers' IDs are their own all
// the same.
func TestTakeRemapped(t *testing.T) {
	s := newScene(t, testengine.Options{Remap: true})
	f := s.take(t, s.Host, host.Local())
	remapped, ok := f.Remapped()
	assert.Check(t, remapped && ok)
	assert.Equal(t, f.Storage.Value.DataRoot, s.DataRoot())
	assert.Equal(t, f.Storage.Value.Current, s.DataRoot()+"/100000.100000")
	assert.Equal(t, len(f.Storage.Value.Trees), 1)
	tree := f.Storage.Value.Trees[0]
	assert.Check(t, tree.InUse)
	assert.Equal(t, tree.Images, 1)
	assert.Equal(t, tree.Stat.GID, int64(testengine.Base))
	assert.Check(t, f.Kernel.Value.Keys[testengine.Base] > 0, "%v", f.Kernel.Value.Keys) // web's session keyring
	web := f.Containers.Value[1]
	assert.DeepEqual(t, web.Identity.Value, survey.Account{UID: 1000, GID: 1001, Groups: []int64{50, 77}})
	assert.DeepEqual(t, f.Containers.Value[0].Identity.Value, survey.Account{UID: 1000, GID: 1001, Groups: []int64{50}})
	found := false
	for _, m := range f.Maps.Value {
		found = found || m.Map.Same(idmap.Single(100000, 65536))
	}
	assert.Check(t, found, "%v", f.Maps.Value)
}

// With the daemon down, the host is read all the same.
func TestTakeDaemonDown(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "d.sock")
	api, err := client.NewClientWithOpts(client.WithHost("unix://" + socket))
	assert.NilError(t, err)
	defer api.Close()
	f := survey.Take(t.Context(), survey.Target[survey.API]{Endpoint: "unix://" + socket, API: api, Host: host.Local()}, survey.Options{})
	for _, err := range []error{f.Engine.Err, f.Containers.Err, f.Images.Err, f.Volumes.Err, f.Networks.Err, f.Plugins.Err, f.Swarm.Err} {
		assert.Check(t, is.ErrorIs(err, survey.ErrDaemonDown))
	}
	_, ok := f.Remapped()
	assert.Check(t, !ok)
	assert.Equal(t, f.Where.Place, survey.PlaceUnknown)
	assert.NilError(t, f.Accounts.Err)
	assert.NilError(t, f.Kernel.Err)
}

// A socket that something else listens on does not lead to this machine.
func TestTakeForwarded(t *testing.T) {
	s := newScene(t, testengine.Options{})
	socket := filepath.Join(t.TempDir(), "forwarded.sock")
	forward(t, socket, s.Socket)
	f := s.take(t, "unix://"+socket, host.Local())
	assert.Equal(t, f.Where.Place, survey.PlaceForwarded)
	assert.NilError(t, f.Engine.Err)
	for _, err := range []error{f.Daemon.Err, f.SubUID.Err, f.Storage.Err, f.Paths.Err, f.Config.Err, f.Kernel.Err} {
		assert.Check(t, is.ErrorIs(err, survey.ErrNotThisHost))
	}
	// Nothing of this machine's is taken for the container's.
	assert.Check(t, is.ErrorContains(f.Containers.Value[0].Identity.Err, "could not be looked up"))

	f = s.take(t, "tcp://10.0.0.1:2376", host.None{})
	assert.Equal(t, f.Where.Place, survey.PlaceRemote)
	assert.ErrorIs(t, f.SubUID.Err, host.ErrNone)
}

// forward passes connections on to another socket, as socat does.
func forward(t *testing.T, from, to string) {
	l, err := net.Listen("unix", from)
	assert.NilError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.(*net.UnixConn).CloseWrite() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
}

// Over ssh all of it takes one connection: the daemon is called through the one
// that the host is looked at through.
func TestTakeOneConnection(t *testing.T) {
	s := newScene(t, testengine.Options{})
	server := hosttest.SSHD(t)
	t.Setenv("PATH", server.Bin+":"+os.Getenv("PATH"))
	endpoint := hosttest.Endpoint + s.Socket
	box, err := host.SSH(endpoint)
	assert.NilError(t, err)
	api, err := client.NewClientWithOpts(client.WithHost("http://docker.example.com"),
		client.WithDialContext(box.(host.Dialer).DialContext), client.WithAPIVersionNegotiation())
	assert.NilError(t, err)
	f := survey.Take(t.Context(), survey.Target[survey.API]{Endpoint: endpoint, API: api, Host: box}, survey.Options{})
	api.Close()
	assert.NilError(t, box.Close())
	checkEngine(t, s, f)
	checkContainers(t, s, f)
	assert.Equal(t, f.Where.Place, survey.PlaceHost)
	assert.Equal(t, server.Logins(t), 1)
}
