package remap

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// A world is a root file system in which the script runs with a shell and user
// tools that are real, and a systemd and a docker that are not.
type world struct {
	root, shell string
}

// shells are those that a host's sh may be. The last one has no tools but
// busybox's, and none for users.
var shells = []string{"dash", "bash", "busybox"}

// inWorld binds this machine's programs, if the shell is not busybox.
const inWorld = `root=$1; shift
mount --bind /proc "$root/proc" && mount --bind /dev "$root/dev" || exit 99
if [ ! -e "$root/bin/busybox" ]; then
	for dir in usr/bin usr/sbin usr/lib usr/lib64 bin sbin lib lib64; do
		[ -d "/$dir" ] && [ ! -L "/$dir" ] || continue
		mount --bind "/$dir" "$root/$dir" || exit 99
	done
fi
exec chroot "$root" "$@"`

func newWorld(t *testing.T, shell string) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: changing the root directory needs it")
	}
	for _, tool := range []string{"unshare", "chroot", shell} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	w := &world{root: t.TempDir(), shell: shell}
	assert.NilError(t, os.Chmod(w.root, 0o755))
	for _, dir := range []string{"proc", "dev", "run", "tmp", "etc/docker", "etc/systemd/system/multi-user.target.wants", "stub/timers", "usr/local/bin", "var/lib/docker-userns"} {
		assert.NilError(t, os.MkdirAll(w.path(dir), 0o755))
	}
	assert.NilError(t, os.Chmod(w.path(Folder), 0o700))
	if shell == "busybox" {
		w.installBusybox(t)
	} else {
		w.mirrorFolders(t)
	}
	for name, to := range map[string]string{"systemctl": "usr/local/bin", "systemd-run": "usr/local/bin", "docker": "usr/local/bin", "validate": "stub"} {
		text, err := os.ReadFile("testdata/world/" + name)
		assert.NilError(t, err)
		assert.NilError(t, os.WriteFile(w.path(to, name), text, 0o755))
	}
	w.write(t, "/stub/active", "active\n")
	w.write(t, "/stub/instance", "first\n")
	w.write(t, "/stub/root", "/var/lib/docker\n")
	w.write(t, "/stub/restarts", "")
	w.write(t, "/stub/socket", "")
	w.write(t, "/stub/app", "")
	w.write(t, "/stub/client", "")
	w.write(t, "/stub/holder", "")
	assert.NilError(t, os.Mkdir(w.path("stub/running"), 0o755))
	t.Cleanup(func() { w.kill() })
	if code, said := w.run("true"); code != 0 {
		t.Skipf("no root file system can be made here: %s", said)
	}
	return w
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.root}, parts...)...)
}

func (w *world) installBusybox(t *testing.T) {
	program, err := exec.LookPath("busybox")
	assert.NilError(t, err)
	body, err := os.ReadFile(program)
	assert.NilError(t, err)
	assert.NilError(t, os.MkdirAll(w.path("bin"), 0o755))
	assert.NilError(t, os.WriteFile(w.path("bin/busybox"), body, 0o755))
	list, err := exec.Command(program, "--list").Output()
	assert.NilError(t, err)
	for _, applet := range strings.Fields(string(list)) {
		if applet != "busybox" {
			assert.NilError(t, os.Symlink("busybox", w.path("bin", applet)))
		}
	}
}

func (w *world) mirrorFolders(t *testing.T) {
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "bin", "sbin", "lib", "lib64"} {
		if target, err := os.Readlink("/" + dir); err == nil {
			assert.NilError(t, os.Symlink(target, w.path(dir)))
			continue
		}
		assert.NilError(t, os.MkdirAll(w.path(dir), 0o755))
	}
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	assert.NilError(t, os.WriteFile(w.path(name), []byte(text), 0o644))
}

// read is the text of a file with its mode and owner, or that it is missing.
func (w *world) read(name string) string {
	info, err := os.Lstat(w.path(name))
	if err != nil {
		return "missing"
	}
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		return err.Error()
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%v %d:%d %q", info.Mode(), stat.Uid, stat.Gid, text)
}

func (w *world) command(args ...string) *exec.Cmd {
	c := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", inWorld, "sh", w.root}, args...)...)
	c.Env = []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return c
}

func (w *world) run(args ...string) (code int, said string) {
	c := w.command(args...)
	out, _ := c.CombinedOutput()
	return c.ProcessState.ExitCode(), string(out)
}

// script is a call of a change's script.
func (w *world) script(c Change, words ...string) []string {
	call := []string{w.shell}
	if w.shell == "busybox" {
		call = []string{"/bin/busybox", "sh"}
	}
	return append(append(call, c.Dir()+"/change.sh"), words...)
}

func (w *world) verb(c Change, words ...string) (code int, said string) {
	return w.run(w.script(c, words...)...)
}

// install puts the script down, with no time between its tries.
func (w *world) install(t *testing.T, c Change) {
	t.Helper()
	slow, quick := []byte("pause=15 tries=20"), []byte("pause=0 tries=6")
	assert.Assert(t, bytes.Contains(c.Script(), slow))
	assert.NilError(t, os.MkdirAll(w.path(c.Dir()), 0o700))
	w.write(t, c.Dir()+"/change.sh", string(bytes.Replace(c.Script(), slow, quick, 1)))
}

// kill ends every process in the world at once.
func (w *world) kill() {
	for found := true; found; {
		found = false
		roots, _ := filepath.Glob("/proc/[0-9]*/root")
		for _, link := range roots {
			if target, err := os.Readlink(link); err != nil || target != w.root {
				continue
			}
			var pid int
			if _, err := fmt.Sscanf(link, "/proc/%d/root", &pid); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
				found = true
			}
		}
	}
}

// timers have those go off that were started and not stopped.
func (w *world) timers(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob(w.path("stub/timers/*"))
	assert.NilError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		assert.NilError(t, err)
		w.run(strings.Fields(string(text))...)
		os.Remove(name)
	}
}
