package access

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// debian is a host with a data root on a disk of its own, and people.
func debian() survey.Facts {
	var f survey.Facts
	f.Accounts.Value = survey.Accounts{
		Users: []survey.Entry{
			{Name: "root", Home: "/root"}, {Name: "bin", Home: "/"}, {Name: "alice", ID: 1000, Home: "/home/alice"},
			{Name: "bob", ID: 1001, Home: "/people/bob"}, {Name: "www-data", ID: 33, Home: "/var/www"},
			{Name: "git", ID: 1002, Home: "/srv/git"}, {Name: "deploy", ID: 1003, Home: "/data/accounts/deploy/"},
		},
		RealHomes: map[string]string{"/people/bob": "/srv/people/bob"},
	}
	f.Engine.Value.DataRoot = "/mnt/disk/engine/100000.100000"
	f.Storage.Value = survey.Storage{DataRoot: "/storage/engine", Current: f.Engine.Value.DataRoot}
	f.Daemon.Value.Args = []string{"dockerd", "--exec-root=/data/exec"}
	f.MountTable.Value = []survey.MountPoint{
		{Device: "8:1", Root: "/", Point: "/", Type: "ext4"}, {Device: "0:5", Root: "/", Point: "/dev", Type: "devtmpfs"},
		{Device: "8:1", Root: "/etc", Point: "/srv/settings", Type: "ext4"},
		{Device: "8:1", Root: "/srv/shared", Point: "/home/alice/shared", Type: "ext4"},
		{Device: "8:1", Root: "/srv/twice", Point: "/mnt/twice", Type: "ext4"},
		{Device: "8:1", Root: "/srv/holder/inner/etc", Point: "/etc/app", Type: "ext4"},
		{Device: "8:1", Root: "/", Point: "/mnt/again", Type: "ext4"},
		{Device: "8:17", Root: "/", Point: "/mnt/disk", Type: "xfs"},
		{Device: "0:50", Root: "/", Point: "/srv/proc", Type: "proc"},
		{Device: "0:60", Root: "/@", Point: "/media/pool", Type: "btrfs"}, {Device: "0:60", Root: "/@/state", Point: "/var/lib/docker", Type: "btrfs"},
	}
	return f
}

// at is a path whose parents only root can write to.
func at(real string, stat host.Stat) survey.Path {
	p := survey.Path{Real: real, Stat: stat}
	for dir := path.Dir(real); ; dir = path.Dir(dir) {
		p.Parents = append([]survey.Parent{{Path: dir, Stat: host.Stat{Mode: fs.ModeDir | 0o755}}}, p.Parents...)
		if dir == "/" || dir == "." {
			return p
		}
	}
}

// Rights are given where data is by custom. Every other place may be the system's,
// somebody's, or hold what controls the host.
func TestAllowed(t *testing.T) {
	f := debian()
	for _, real := range []string{
		"/srv/data", "/srv/www/html", "/data", "/data/db", "/storage/photos", "/mnt/disk/photos", "/media/usb/films", "/opt/shop/uploads",
		"/app", "/app/data", "/apps/shop", "/mnt/disk/engineering", "/srv/homepage", "/srv/github", "/srv/twice", "/mnt/twice", "/mnt/disk/engine-old",
		"/srv/docker/web", "/srv/it's\n$(x)", "/media/pool/films",
	} {
		ground := f
		if real == "/data" { // it holds a home and the exec-root
			ground = survey.Facts{MountTable: f.MountTable}
		}
		r := Allowed(ground, at(real, host.Stat{}), false)
		assert.Check(t, r == nil, "%s: %v", real, r)
	}
	for _, real := range []string{
		// nothing, and names that are not plain
		"", ".", "srv/data", "/srv/../etc", "/srv/data/", "//srv/data", "/srv/./data",
		// what the system lives in
		"/", "/bin", "/sbin", "/lib", "/lib64", "/usr", "/usr/local", "/usr/local/bin", "/usr/share/zoneinfo/UTC", "/boot", "/boot/grub", "/efi",
		"/etc", "/etc/localtime", "/etc/shadow", "/etc/ssh", "/etc/sudoers.d", "/etc/cron.d", "/etc/docker/daemon.json", "/etc/subuid",
		"/proc", "/proc/1/root/srv/data", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev", "/dev/sda", "/dev/shm", "/dev/log", "/dev/mem",
		"/run", "/run/app.sock", "/run/user/1000", "/run/systemd", "/run/systemd/private", "/run/dbus/system_bus_socket", "/run/mysqld",
		"/run/docker", "/run/docker.sock", "/run/docker/plugins", "/run/containerd", "/run/containerd/containerd.sock", "/run/containerd/s/1",
		"/run/podman/podman.sock", "/run/crio/crio.sock", "/run/libvirt/libvirt-sock", "/var/run/docker.sock",
		"/var", "/var/lib", "/var/lib/docker", "/var/lib/docker/volumes", "/var/lib/docker/volumes/db/_data", "/var/lib/docker/100000.100000",
		"/var/lib/docker-userns", "/var/lib/docker-userns/pending", "/var/lib/containerd", "/var/lib/containers/storage", "/var/lib/kubelet/pods",
		"/var/lib/postgresql", "/var/lib/dpkg", "/var/lib/systemd", "/var/lib/sudo", "/var/log", "/var/cache", "/var/tmp", "/var/mail/alice",
		"/var/spool/cron", "/var/spool/cron/crontabs", "/var/spool/cron/crontabs/root", "/var/backups", "/tmp", "/tmp/data",
		"/root", "/root/.ssh", "/root/.ssh/authorized_keys", "/home", "/home/alice", "/home/alice/data", "/home/gone/data", "/nix/store", "/snap/x",
		"/srv", "/mnt", "/media", "/opt", "/opt/shop", "/opt/containerd", "/opt/containerd/bin", "/opt/cni/bin", "/data2", "/unknown/data", "/people",
		"/srvdata", "/optional/a/b", "/lost+found",
		// homes elsewhere, and what holds them
		"/people/bob", "/people/bob/x", "/srv/people", "/srv/people/bob", "/srv/people/bob/app", "/srv/git", "/srv/git/repo.git", "/var/www", "/var/www/html",
		"/data", "/data/accounts", "/data/accounts/deploy", "/data/accounts/deploy/app", "/srv/home/zoe", "/srv/Homes/zoe", "/mnt/users/zoe", "/data/user/x",
		// keys and settings
		"/srv/app/.ssh", "/srv/.ssh/id", "/srv/app/.gnupg/x", "/srv/app/.docker", "/data/.kube/config", "/srv/.hidden", "/srv/app/cron.d", "/srv/crontabs/x",
		"/srv/app/ssl/key.pem", "/srv/pki", "/srv/secrets/db",
		// engines and runtimes
		"/mnt/disk", "/mnt/disk/engine", "/mnt/disk/engine/volumes/db/_data", "/mnt/disk/engine/100000.100000", "/storage", "/storage/engine", "/storage/engine/x",
		"/data/exec", "/data/exec/runtime-runc", "/srv/containerd", "/srv/kubelet/pods", "/srv/podman", "/srv/docker-userns",
		// the same under another name
		"/srv/settings", "/srv/settings/ssh", "/srv/shared", "/srv/shared/x", "/srv/holder", "/srv/holder/inner", "/srv/holder/inner/etc/x",
		"/mnt/again", "/mnt/again/etc", "/mnt/again/home/alice", "/srv/proc", "/srv/proc/1", "/media/pool", "/media/pool/state", "/media/pool/state/volumes/a",
	} {
		r := Allowed(f, at(real, host.Stat{}), false)
		assert.Check(t, r != nil && r.Why != "", "%s is allowed", real)
	}
}

// To pass through a folder gives nothing of what is below it, but homes and the
// system's own folders stay as they are.
func TestAllowedToPass(t *testing.T) {
	f := debian()
	for real, want := range map[string]bool{
		"/mnt/disk": true, "/storage": true, "/srv/data": true,
		"/mnt/disk/engine": false, "/mnt/disk/engine/x": false, "/home/alice": false, "/root": false, "/srv/people": false, "/srv/git": false, "/var/lib": false,
		"/srv/settings": false, "/": false, "/opt/shop": false,
	} {
		r := Allowed(f, at(real, host.Stat{}), true)
		assert.Check(t, (r == nil) == want, "%s: %v", real, r)
	}
}

// What is not known is not allowed.
func TestNotKnown(t *testing.T) {
	ok := at("/srv/a/b", host.Stat{})
	parent := func(change func(*host.Stat)) survey.Path {
		p := at("/srv/a/b", host.Stat{})
		change(&p.Parents[2].Stat)
		return p
	}
	for name, tc := range map[string]struct {
		f survey.Facts
		p survey.Path
	}{
		"accounts":                 {func() survey.Facts { f := debian(); f.Accounts.Err = fs.ErrPermission; return f }(), ok},
		"mounts":                   {func() survey.Facts { f := debian(); f.MountTable.Err = fs.ErrPermission; return f }(), ok},
		"no mounts":                {func() survey.Facts { f := debian(); f.MountTable.Value = nil; return f }(), ok},
		"no parents":               {debian(), survey.Path{Real: "/srv/a/b"}},
		"parents of another":       {debian(), survey.Path{Real: "/srv/a/b/c", Parents: ok.Parents}},
		"a parent":                 {debian(), parent(func(s *host.Stat) { *s = host.Stat{Err: fs.ErrPermission} })},
		"a parent's ACL":           {debian(), parent(func(s *host.Stat) { s.ACL.Err = fs.ErrPermission })},
		"a parent of somebody":     {debian(), parent(func(s *host.Stat) { s.UID = 1000 })},
		"a parent for a group":     {debian(), parent(func(s *host.Stat) { s.Mode |= 0o020 })},
		"a parent for all":         {debian(), parent(func(s *host.Stat) { s.Mode |= fs.ModeSticky | 0o002 })},
		"signs of an engine there": {debian(), func() survey.Path { p := at("/srv/a/b", host.Stat{}); p.State = "/srv/a"; return p }()},
	} {
		assert.Check(t, Allowed(debian(), ok, false) == nil)
		assert.Check(t, Allowed(tc.f, tc.p, false) != nil, name)
	}
}

// No path of any of these places ever stands in a command.
func FuzzAllowed(f *testing.F) {
	f.Add("/srv/data", "/srv/data")
	f.Add("/var/run/../lib/docker", "/srv/.ssh")
	facts := debian()
	f.Fuzz(func(t *testing.T, real, mounted string) {
		facts := facts
		facts.MountTable.Value = append(facts.MountTable.Value[:len(facts.MountTable.Value):len(facts.MountTable.Value)], survey.MountPoint{Device: "8:1", Root: mounted, Point: real, Type: "ext4"})
		if Allowed(facts, at(real, host.Stat{}), false) != nil {
			return
		}
		clean := path.Clean(real)
		for _, never := range []string{"/etc", "/usr", "/run", "/root", "/proc", "/sys", "/dev", "/boot", "/home", "/var/lib", "/var/spool", "/mnt/disk/engine"} {
			assert.Assert(t, !survey.Within(clean, never) && !survey.Within(never, clean), real)
		}
		assert.Assert(t, !strings.Contains(clean, "/."), real)
	})
}

// Homes on the network are not looked at, so nothing there may be one of them.
func TestHomesOnTheNetwork(t *testing.T) {
	f := debian()
	f.MountTable.Value = append(f.MountTable.Value, survey.MountPoint{Device: "0:70", Root: "/", Point: "/mnt/films", Type: "nfs4"})
	assert.Check(t, Allowed(f, at("/mnt/films/new", host.Stat{}), false) == nil)
	f.Accounts.Value.FarHomes = true
	assert.Check(t, Allowed(f, at("/mnt/films/new", host.Stat{}), false) != nil)
	assert.Check(t, Allowed(f, at("/srv/data", host.Stat{}), false) == nil)
}
