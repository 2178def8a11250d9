package survey

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
)

func looking(t *testing.T) *look {
	t.Helper()
	return &look{host: host.Local()}
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	assert.NilError(t, os.WriteFile(path, nil, mode))
	assert.NilError(t, syscall.Chmod(path, uint32(mode)))
}

// A directory is read completely, or reported as incomplete; no name in it can
// make that look otherwise.
func TestLookInto(t *testing.T) {
	top := t.TempDir()
	dir := func(name string) string {
		d := filepath.Join(top, name)
		assert.NilError(t, os.MkdirAll(d, 0o755))
		return d
	}
	plain := dir("plain it's\n a 'name'")
	write(t, filepath.Join(plain, "key"), 0o600)
	write(t, filepath.Join(plain, "K 41ed 0 0\nwhole\nend\nD\nodd"), 0o4755)
	linked := dir("linked")
	write(t, filepath.Join(linked, "a"), 0o644)
	assert.NilError(t, os.Link(filepath.Join(linked, "a"), filepath.Join(top, "outside")))
	home := dir("home")
	write(t, filepath.Join(home, ".bashrc"), 0o644)
	engine := dir("engine")
	assert.NilError(t, os.MkdirAll(filepath.Join(engine, "docker", "volumes"), 0o755))
	write(t, filepath.Join(engine, "docker", "volumes", "metadata.db"), 0o644)
	socket := dir("socket")
	l, err := net.Listen("unix", filepath.Join(socket, "s"))
	assert.NilError(t, err)
	defer l.Close()
	large := dir("large")
	for i := range maxEntries + 1 {
		assert.NilError(t, syscall.Mknod(filepath.Join(large, fmt.Sprint(i)), syscall.S_IFREG|0o644, 0))
	}
	link := filepath.Join(top, "link")
	assert.NilError(t, os.Symlink(plain, link))

	dirs := []string{plain, linked, home, engine, socket, link, filepath.Join(top, "gone"), large}
	found := looking(t).lookInto(t.Context(), dirs)
	assert.DeepEqual(t, found, insides(dirs, withBusybox(t, dirs)), cmpopts.EquateErrors(), cmpopts.SortSlices(func(a, b grant.Kind) bool { return a.Mode < b.Mode }))
	uid, gid := int64(os.Geteuid()), int64(os.Getegid())
	in := found[plain]
	assert.NilError(t, in.Err)
	assert.Check(t, !in.Odd)
	assert.Check(t, is.Len(in.Kinds, 3), "%v", in.Kinds)
	for _, want := range []grant.Kind{{Mode: fs.ModeDir | 0o755, UID: uid, GID: gid}, {Mode: 0o600, UID: uid, GID: gid}, {Mode: fs.ModeSetuid | 0o755, UID: uid, GID: gid}} {
		assert.Check(t, is.Contains(in.Kinds, want))
	}
	for _, odd := range []string{linked, home, engine} {
		assert.Check(t, found[odd].Odd && found[odd].Err == nil, odd)
	}
	assert.Check(t, found[socket].Kinds[1].Mode&fs.ModeSocket != 0)
	for _, unknown := range []string{link, filepath.Join(top, "gone"), large} {
		assert.Check(t, found[unknown].Err != nil, unknown)
	}
}

// withBusybox gives what the script says where all programs are busybox's.
func withBusybox(t *testing.T, dirs []string) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox")
	}
	bin := t.TempDir()
	for _, applet := range []string{"sh", "find", "stat", "awk", "head"} {
		assert.NilError(t, os.Symlink(busybox, filepath.Join(bin, applet)))
	}
	cmd := exec.Command(filepath.Join(bin, "sh"), append([]string{"-c", insideScript, "sh"}, dirs...)...)
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.Output()
	assert.NilError(t, err)
	return string(out)
}

// What the script did not report is unknown.
func TestInsides(t *testing.T) {
	dirs := []string{"/a", "/b"}
	for out, want := range map[string]error{
		"D\nK 41ed 0 0\nwhole\nend\n":     nil,
		"D\nK 41ed 0 0\nwhole\n":          errCut, // ended by its deadline
		"D\nK 41ed 0 0\n":                 errCut,
		"D\nwhole\nend\n":                 errCut,
		"D\nK 41ed 0 0\ncut\n":            errCut,
		"D\nK 41ed 0 0\nbad\n":            errNoClean,
		"D\nend\n":                        errCut,
		"D\nD\nD\nK 41ed 0 0\nwhole\nend": errCut,
	} {
		found := insides(dirs, out)
		assert.Check(t, is.ErrorIs(found["/a"].Err, want), "%q", out)
	}
	assert.Check(t, is.Len(insides(dirs, "whole\nend\n"), 0))
	assert.Check(t, is.Len(insides(dirs, "D\nD\nD\nK 41ed 0 0\nwhole\nend\n"), 2))
}

func TestMountTable(t *testing.T) {
	table := mountTable(host.Body{Data: []byte("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:1 /etc /srv/a\\040b rw shared:1 master:2 - ext4 /dev/sda1 rw\n")})
	assert.NilError(t, table.Err)
	assert.DeepEqual(t, table.Value, []MountPoint{{"8:1", "/", "/", "ext4"}, {"8:1", "/etc", "/srv/a b", "ext4"}})
	for _, body := range []host.Body{{}, {Err: fs.ErrPermission}, {Data: []byte("22 1 8:1 / / rw - ext4\n"), Truncated: true}, {Data: []byte("x\n")}} {
		assert.Check(t, mountTable(body).Err != nil)
	}
	own, err := os.ReadFile(mountInfo)
	assert.NilError(t, err)
	assert.NilError(t, mountTable(host.Body{Data: own}).Err)
}

// Links are followed to their end, as the kernel does when it mounts what they
// lead to, and no further.
func TestLinksOfMounts(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	assert.NilError(t, err)
	in := func(name string) string { return filepath.Join(top, name) }
	link := func(target, name string) { assert.NilError(t, os.Symlink(target, in(name))) }
	assert.NilError(t, os.MkdirAll(in("zone/info/Etc"), 0o755))
	write(t, in("zone/info/Etc/UTC"), 0o640)
	assert.NilError(t, os.MkdirAll(in("app/releases/7/public"), 0o755))
	link("/etc", "etc")
	link(in("zone/info/UTC"), "localtime")
	link("Etc/UTC", "zone/info/UTC")
	link("releases/7", "app/current")
	link("current/../8", "app/next")
	link("current/public/../../../shared", "app/shared")
	link("loop", "loop")
	link("pong", "ping")
	link("ping", "pong")
	link("localtime", "chain1")
	for i := 2; i <= 50; i++ {
		link(fmt.Sprintf("chain%d", i-1), fmt.Sprintf("chain%d", i))
	}
	for source, want := range map[string]string{
		"localtime": in("zone/info/Etc/UTC"), "app/current": in("app/releases/7"), "app/current/public": in("app/releases/7/public"),
		"etc": "/etc", "chain30": in("zone/info/Etc/UTC"), "app/next": "", "app/shared": "", "loop": "", "ping": "", "chain50": "", "gone": "",
	} {
		l := looking(t)
		l.containers = []inspected{{Container: Container{Mounts: []Mount{{Type: "bind", Source: in(source)}}}}}
		assert.NilError(t, l.askMore(context.Background()))
		got := l.sourceAt(in(source))
		fd, errKernel := syscall.Open(in(source), syscall.O_RDONLY, 0)
		if errKernel == nil {
			syscall.Close(fd)
		}
		assert.Check(t, is.Equal(got.Stat.Err == nil, errKernel == nil), "%s: %v, of the kernel %v", source, got.Stat.Err, errKernel)
		if want == "" {
			assert.Check(t, got.Stat.Err != nil, source)
			continue
		}
		assert.Check(t, is.Equal(got.Real, want), source)
		assert.Check(t, is.Len(got.Parents, len(chain(want))-1), source)
	}
}
