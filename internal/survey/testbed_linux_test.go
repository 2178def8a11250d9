package survey_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// On real hosts with systemd, over ssh.
func TestTakeTestbed(t *testing.T) {
	for _, engine := range testbed.Engines {
		t.Run(string(engine), func(t *testing.T) {
			h := testbed.Boot(t, engine)
			for _, v := range h.Env() {
				if name, value, _ := strings.Cut(v, "="); name == "PATH" || name == "HOME" {
					t.Setenv(name, value)
				}
			}
			h.Shell(t, "mkdir -p /etc/systemd/system/docker.service.d && printf '[Service]\nEnvironment=A=1\n' >/etc/systemd/system/docker.service.d/a.conf && systemctl daemon-reload")
			t.Run("root", func(t *testing.T) { rootOnTestbed(t, h) })
			t.Run("next start", func(t *testing.T) { nextStartOnTestbed(t, h) })
			t.Run("users", func(t *testing.T) { usersOnTestbed(t, h) })
			t.Run("socket", func(t *testing.T) { socketOfTestbed(t, h) })
			t.Run("remapped", func(t *testing.T) { remappedTestbed(t, h) })
			t.Run("down", func(t *testing.T) { downTestbed(t, h) })
			t.Run("hostile", func(t *testing.T) { hostileTestbed(t, h) })
		})
	}
}

// over surveys a host as one of its users.
func over(t *testing.T, h *testbed.Host, user string) survey.Facts {
	t.Helper()
	endpoint := "ssh://" + user + "@" + h.Address
	box, err := host.SSH(endpoint)
	assert.NilError(t, err)
	defer box.Close()
	api, err := client.NewClientWithOpts(client.WithHost("http://docker.example.com"),
		client.WithDialContext(box.(host.Dialer).DialContext), client.WithAPIVersionNegotiation())
	assert.NilError(t, err)
	defer api.Close()
	counted := &counting{Host: box}
	f := survey.Take(t.Context(), survey.Target[survey.API]{Endpoint: endpoint, API: api, Host: counted}, survey.Options{})
	assert.Check(t, counted.looks.Load() <= 3, "%d round trips", counted.looks.Load())
	return f
}

func rootOnTestbed(t *testing.T, h *testbed.Host) {
	f := over(t, h, "root")
	assert.NilError(t, f.Root)
	assert.NilError(t, f.Engine.Err)
	assert.Check(t, strings.HasPrefix(f.Engine.Value.Version, h.Engine.Version()+"."))
	assert.Equal(t, f.Where.Place, survey.PlaceHost, "%v", f.Where)
	assert.NilError(t, f.Daemon.Err)
	assert.Equal(t, f.Daemon.Value.Exe, "/usr/sbin/dockerd")
	assert.Equal(t, f.Daemon.Value.Config, "/etc/docker/daemon.json")
	u := f.Unit.Value
	assert.Equal(t, u.Manager, survey.Systemd)
	assert.Equal(t, u.Name, "docker.service")
	assert.Equal(t, u.Active, "active")
	assert.Equal(t, u.MainPID, f.Daemon.Value.PID)
	assert.Check(t, strings.HasPrefix(u.Start, "/usr/sbin/dockerd "), u.Start)
	assert.Check(t, is.Contains(u.DropIns, "/etc/systemd/system/docker.service.d/a.conf"))
	assert.Check(t, is.Contains(u.Environment, "A=1"))
	paths := ""
	for _, file := range u.Files {
		paths += file.Path + "\n"
	}
	assert.Check(t, is.Contains(paths, "docker.service.d/a.conf\n"))
	assert.Equal(t, u.Socket, "active")
	assert.Equal(t, f.Storage.Value.DataRoot, "/var/lib/docker")
	assert.NilError(t, f.Storage.Err)
	assert.Check(t, f.Tools.Value["usermod"] != "" && f.Tools.Value["systemd-run"] != "")
	assert.Equal(t, f.Kernel.Value.Init, "systemd")
	assert.Check(t, strings.Contains(f.Kernel.Value.OSRelease["PRETTY_NAME"], "Debian"))
	assert.Check(t, !f.Accounts.Value.Incomplete)
}

const awkwardUnit = `[Service]
Environment="AA=b c" L=--label AA2=no
EnvironmentFile=-/etc/default/awkward
EnvironmentFile=-/etc/default/none
ExecStart=
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $OPTS --label=${UNQ} --label=z=$$x $NONE --label=pre=${AA}post ${L} ${MIX}
`

const awkwardEnvironment = `# OPTS=no
export NONE=--bad
OPTS="--label 'q=r s' \
  --label=w=\"x\\$\""
  UNQ=k=b  c  
MIX='m='"n o"p\ q
AA2=d
`

// What a survey predicts for the next start is what systemd then starts.
func nextStartOnTestbed(t *testing.T, h *testbed.Host) {
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/b.conf", []byte(awkwardUnit), 0o644)
	assert.Check(t, over(t, h, "root").Unit.Value.NeedReload)
	h.WriteFile(t, "/etc/default/awkward", []byte(awkwardEnvironment), 0o644)
	h.Run(t, "systemctl", "daemon-reload")
	before := over(t, h, "root")
	assert.NilError(t, before.Start.Err)
	assert.Check(t, before.Start.Value.FromUnit && !before.Unit.Value.NeedReload)
	assert.Equal(t, before.Start.Value.Program+before.Start.Value.Doubt, "/usr/sbin/dockerd")
	assert.Equal(t, before.Start.Value.DataRoot, "/var/lib/docker")
	h.Shell(t, "systemctl stop docker.socket docker; systemctl start docker")
	after := over(t, h, "root")
	assert.NilError(t, after.Daemon.Err)
	assert.Check(t, len(after.Daemon.Value.Args) > 10)
	assert.DeepEqual(t, before.Start.Value.Args, after.Daemon.Value.Args[1:])
	assert.DeepEqual(t, after.Start.Value.Args, after.Daemon.Value.Args[1:])
	h.Shell(t, "rm /etc/systemd/system/docker.service.d/b.conf; systemctl daemon-reload; systemctl stop docker.socket docker; systemctl start docker; systemctl reset-failed docker")
}

// With sudo a user sees what root sees; without it, only what they may read.
func usersOnTestbed(t *testing.T, h *testbed.Host) {
	f := over(t, h, "opnp")
	assert.NilError(t, f.Root)
	assert.NilError(t, f.Engine.Err)
	assert.NilError(t, f.Storage.Err)
	assert.Equal(t, f.Where.Place, survey.PlaceHost)

	f = over(t, h, "op")
	assert.ErrorContains(t, f.Root, "a password is required")
	assert.NilError(t, f.Engine.Err)
	assert.ErrorIs(t, f.Storage.Err, fs.ErrPermission)
	assert.NilError(t, f.SubUID.Err)
	assert.Equal(t, f.Where.Place, survey.PlaceHost, "%v", f.Where)
	assert.Equal(t, f.Unit.Value.Name, "docker.service")

	f = over(t, h, "guest")
	assert.Check(t, f.Root != nil)
	assert.ErrorIs(t, f.Engine.Err, survey.ErrDaemonDown)
	assert.NilError(t, f.Accounts.Err)
}

// The host's socket as this machine sees it leads into what is a container here.
func socketOfTestbed(t *testing.T, h *testbed.Host) {
	socket := h.Docker(t, "context", "inspect", "unix", "--format", "{{.Endpoints.docker.Host}}")
	api, err := client.NewClientWithOpts(client.WithHost(socket), client.WithAPIVersionNegotiation())
	assert.NilError(t, err)
	defer api.Close()
	f := survey.Take(t.Context(), survey.Target[survey.API]{Endpoint: socket, API: api, Host: host.Local()}, survey.Options{})
	assert.NilError(t, f.Engine.Err)
	assert.ErrorIs(t, f.SubUID.Err, survey.ErrNotThisHost)
	assert.ErrorIs(t, f.Daemon.Err, survey.ErrNotThisHost)
}

func remappedTestbed(t *testing.T, h *testbed.Host) {
	h.Remap(t, 100000, 65536)
	f := over(t, h, "root")
	remapped, ok := f.Remapped()
	assert.Check(t, remapped && ok)
	assert.Check(t, is.Contains(string(f.Config.Value.Data), "userns-remap"))
	assert.Check(t, is.Contains(string(f.SubUID.Value.Data), ":100000:65536"))
	assert.Equal(t, f.Storage.Value.DataRoot, "/var/lib/docker")
	assert.Equal(t, f.Storage.Value.Current, "/var/lib/docker/100000.100000")
	assert.Equal(t, len(f.Storage.Value.Trees), 1)
	assert.Check(t, f.Storage.Value.Trees[0].InUse)
}

func downTestbed(t *testing.T, h *testbed.Host) {
	h.Shell(t, "systemctl stop docker.socket docker.service")
	f := over(t, h, "root")
	assert.ErrorIs(t, f.Engine.Err, survey.ErrDaemonDown)
	assert.ErrorIs(t, f.Daemon.Err, survey.ErrNoProcess)
	assert.Equal(t, f.Where.Place, survey.PlaceUnknown)
	assert.Equal(t, f.Unit.Value.Name, "docker.service")
	assert.Equal(t, f.Unit.Value.Active, "inactive")
	assert.Equal(t, f.Unit.Value.Socket, "inactive")
	assert.Equal(t, f.Config.Value.Path, "/etc/docker/daemon.json")
	assert.NilError(t, f.Config.Err)
	assert.Equal(t, f.Storage.Value.DataRoot, "/var/lib/docker")
	assert.Equal(t, len(f.Storage.Value.Trees), 1)
}

// Nothing that replaces a file blocks the survey or fills its memory,
// and what is in files is not run.
func hostileTestbed(t *testing.T, h *testbed.Host) {
	h.Shell(t, `yes 'x:1:1' | head -c 10485760 >/etc/subuid
		rm -f /etc/docker/daemon.json; mkfifo /etc/docker/daemon.json
		mkdir -p '/var/lib/docker/1.1; touch oops' "/var/lib/docker/"'$(touch oops).2'
		printf 'bad\tline:\033[31m:x\n' >>/etc/passwd
		ln -s loop /etc/docker/loop; ln -sf /dev/zero /etc/subgid`)
	f := over(t, h, "root")
	assert.NilError(t, f.SubUID.Err)
	assert.Check(t, f.SubUID.Value.Truncated)
	assert.Equal(t, len(f.SubUID.Value.Data), host.MaxFile)
	assert.Equal(t, f.SubUID.Value.Stat.Size, int64(10485760))
	assert.ErrorIs(t, f.Config.Err, host.ErrNotRegular)
	assert.Check(t, f.Config.Value.Stat.Mode&fs.ModeNamedPipe != 0)
	assert.ErrorIs(t, f.SubGID.Err, host.ErrNotRegular)
	assert.Equal(t, f.SubGID.Value.Stat.Target, "/dev/zero")

	h.Shell(t, `rm /etc/docker/daemon.json; truncate -s 100M /etc/docker/daemon.json`)
	f = over(t, h, "root")
	assert.NilError(t, f.Config.Err)
	assert.Check(t, f.Config.Value.Truncated)

	h.Shell(t, `rm /etc/docker/daemon.json; echo '{}' >/srv/d.json; ln -s /srv/d.json /etc/docker/daemon.json`)
	f = over(t, h, "root")
	assert.NilError(t, f.Config.Err)
	assert.Equal(t, f.Config.Value.Link, "/srv/d.json")
	assert.Check(t, f.Config.Value.Stat.Mode&fs.ModeSymlink != 0)
	assert.Equal(t, h.Shell(t, "find / -xdev -name oops"), "")
	_, err := os.Stat("oops")
	assert.Check(t, errors.Is(err, fs.ErrNotExist))
}
