package verify_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// What is right is proven, in one round trip more than a survey takes. That the
// engine's ranges were lent to it for its start is found out.
func TestRemappedEngine(t *testing.T) {
	s := newScene(t)
	dir, err := os.MkdirTemp("", "verify")
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	assert.NilError(t, err)
	t.Cleanup(func() { l.Close() })
	assert.NilError(t, os.Chmod(filepath.Join(dir, "s"), 0o660))
	s.run(t, "web", "--user=1000:1000", "--init", "-v", dir+"/s:/s", "-v", dir+":/d:ro")
	s.docker(t, "exec", "-d", "web", "/bin/busybox", "sleep", "600")
	h := &counting{Host: host.Local()}
	got := s.verify(t, h, verify.Options{Expect: &remapped})
	assert.Check(t, h.looks.Load() <= 4, "%d round trips", h.looks.Load())
	for _, id := range []string{"daemon-answers", "daemon-remapped", "data-root", "data-root-owner", "userns-host", "host-root", "processes"} {
		assert.Check(t, is.Equal(got[id].Status, report.OK), "%s: %s", id, got[id].Message)
	}
	assert.Check(t, is.Equal(got["processes"].Message, "3 processes of 1 container"))
	assert.Check(t, is.Equal(got["map-in-force"].Status, report.Error))
	assert.Check(t, is.Contains(got["map-in-force"].Message, "the kernel uses the map 0:100000:65536, but the daemon would not start again"))
	assert.Check(t, is.Equal(got["sockets"].Status, report.OK), "%v", got["sockets"]) // user 1000 had no right before, either
	assert.Check(t, is.Equal(got["mounts"].Status, report.OK), "%v", got["mounts"])
}

// threads builds testdata/threads, which runs in a container without libraries.
func threads(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "verify")
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	assert.NilError(t, os.Chmod(dir, 0o755))
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "threads"), "./testdata/threads")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return dir
}

// Every thread is looked at, with its own IDs and groups, and a process that left
// its container's cgroup and has no parent in it.
func TestThreadsAndChildren(t *testing.T) {
	s := newScene(t)
	dir := threads(t)
	s.docker(t, "run", "-d", "--network=none", "--stop-signal=KILL", "--name=many", "--group-add=7", "--group-add=65535", "-v", dir+":/t:ro", "app:1",
		"/bin/busybox", "sh", "-c", "/bin/busybox sleep 600 & /t/threads")
	await(t, func() bool { return strings.Contains(s.docker(t, "logs", "many"), "ready") })
	s.docker(t, "exec", "-d", "--user=33:44", "many", "/bin/busybox", "sleep", "600")
	top := strings.Fields(s.docker(t, "top", "many", "-eo", "pid,uid"))
	child, err := strconv.Atoi(top[slices.Index(top, "100033")-1])
	assert.NilError(t, err)
	move(t, child, os.Getpid())
	seen, err := verify.Take(t.Context(), s.subject(t, host.Local()), verify.Options{})
	assert.NilError(t, err)
	assert.NilError(t, seen.Processes.Err)
	assert.Equal(t, len(seen.Processes.Value), 3, "%v", seen.Processes.Value) // the shell has become threads
	var users []int64
	for _, p := range seen.Processes.Value {
		assert.Check(t, is.Equal(p.Container, seen.Chosen[0].ID))
		assert.Check(t, p.Map.Same(remapped))
		if p.Name == "threads" {
			for _, thread := range p.Threads {
				users = append(users, thread.UID[1])
			}
			assert.DeepEqual(t, p.Threads[0].Groups, []int64{100000, 100007, 165535})
		}
		if p.Threads[0].UID[0] == 100033 {
			assert.Equal(t, p.Threads[0].GID, [4]int64{100044, 100044, 100044, 100044})
		}
	}
	slices.Sort(users)
	assert.DeepEqual(t, slices.Compact(users), []int64{100000, 101000, 165535})
	for _, r := range verify.Answer(seen, verify.Options{})[5:8] {
		assert.Check(t, is.Equal(r.Status, report.OK), "%s: %s", r.ID, r.Message)
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for range 300 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("it did not come to pass")
}

// intrude starts a process of this machine's root, or of another user of it, in
// the cgroups of a container.
func intrude(t *testing.T, pid int, uid uint32) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, NoSetGroups: uid == 0}, Pdeathsig: syscall.SIGKILL}
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	move(t, cmd.Process.Pid, pid)
	return cmd
}

// move puts a process into the cgroups of another one.
func move(t *testing.T, pid, other int) {
	t.Helper()
	groups, err := os.ReadFile("/proc/" + strconv.Itoa(other) + "/cgroup")
	assert.NilError(t, err)
	moved := 0
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		procs := filepath.Join("/sys/fs/cgroup", strings.TrimPrefix(f[1], "name="), f[2], "cgroup.procs")
		if os.WriteFile(procs, []byte(strconv.Itoa(pid)), 0) == nil {
			moved++
		}
	}
	if moved == 0 {
		t.Skip("needs cgroups that can be written to")
	}
}

// A process of the host in a container's cgroup is found; one that was there only
// in passing, as runc is on its way into a container, is not.
func TestIntruders(t *testing.T) {
	s := newScene(t)
	pid := s.run(t, "web")
	root, other := intrude(t, pid, 0), intrude(t, pid, 2)
	got := s.verify(t, host.Local(), verify.Options{})
	for id, cmd := range map[string]*exec.Cmd{"host-root": root, "processes": other} {
		assert.Check(t, is.Equal(got[id].Status, report.Error), "%s: %s", id, got[id].Message)
		assert.Check(t, is.Len(got[id].Details, 1))
		assert.Check(t, is.Equal(got[id].Details[0].Name, fmt.Sprintf("web: process %d (sleep)", cmd.Process.Pid)))
	}
	assert.Check(t, is.Contains(got["host-root"].Details[0].Note, "UID 0"))
	assert.Check(t, is.Contains(got["processes"].Details[0].Note, "UID 2, GID 2 not in the map"))

	h := &counting{Host: host.Local()}
	h.pass = func(n int32) {
		if n == 2 {
			for _, cmd := range []*exec.Cmd{root, other} {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		}
	}
	got = s.verify(t, h, verify.Options{})
	assert.Check(t, is.Equal(h.passes.Load(), int32(2)))
	assert.Check(t, is.Equal(got["host-root"].Status, report.OK), got["host-root"].Message)
	assert.Check(t, is.Equal(got["processes"].Status, report.OK), got["processes"].Message)
}

// A container that ends while it is looked at is no error; one that stays in the
// host's user namespace is named, and is not judged.
func TestEndingAndStaying(t *testing.T) {
	s := newScene(t)
	s.run(t, "web")
	s.run(t, "brief")
	s.run(t, "stays", "--userns=host")
	h := &counting{Host: host.Local()}
	h.pass = func(n int32) {
		if n == 1 {
			s.docker(t, "kill", "brief")
		}
	}
	got := s.verify(t, h, verify.Options{})
	for _, id := range []string{"host-root", "processes"} {
		assert.Check(t, is.Equal(got[id].Status, report.OK), "%s: %s", id, got[id].Message)
	}
	assert.Check(t, is.Equal(got["processes"].Message, "1 process of 1 container"))
	assert.Check(t, is.Equal(got["userns-host"].Status, report.Warning))
	assert.Check(t, is.DeepEqual(got["userns-host"].Details, []report.Detail{{Name: "stays", Note: "its root is root on the host, with 1 process"}}))
	got = s.verify(t, host.Local(), verify.Options{Containers: []string{"web"}})
	assert.Check(t, is.Equal(got["userns-host"].Status, report.OK))
	_, err := verify.Run(t.Context(), s.subject(t, host.Local()), verify.Options{Containers: []string{"brief"}})
	assert.Check(t, is.ErrorIs(err, verify.ErrNoContainer))
}

// blind is a host whose /proc hides the processes of others.
type blind struct{ host.Host }

func (b blind) Look(ctx context.Context, q host.Questions) (host.Answers, error) {
	a, err := b.Host.Look(ctx, q)
	for name := range a.Lines {
		if strings.HasSuffix(name, "of threads") {
			a.Lines[name] = host.Text{}
		}
	}
	return a, err
}

// Where nothing can be seen nothing is proven.
func TestOutOfSight(t *testing.T) {
	s := newScene(t)
	s.run(t, "web")
	got := s.verify(t, blind{host.Local()}, verify.Options{})
	for _, id := range []string{"host-root", "processes"} {
		assert.Check(t, is.Equal(got[id].Status, report.Unknown), "%s: %s", id, got[id].Message)
		assert.Check(t, is.DeepEqual(got[id].Details, []report.Detail{{Name: "web"}}))
	}
}

// Without the host the engine's ps is asked, which does not know the map; a
// probe's own view of it does.
func TestEngineAlone(t *testing.T) {
	s := newScene(t)
	s.run(t, "web", "--user=1000", "--group-add=7")
	got := s.verify(t, host.None{}, verify.Options{})
	assert.Check(t, is.Equal(got["host-root"].Status, report.OK), got["host-root"].Message)
	assert.Check(t, is.Equal(got["processes"].Status, report.Unknown))
	assert.Check(t, is.Contains(got["processes"].Message, "the host IDs of 1 process of 1 container begin at 100000"))
	for _, id := range []string{"data-root-owner", "map-in-force", "mounts", "sockets"} {
		assert.Check(t, is.Equal(got[id].Status, report.Unknown), id)
	}
	got = s.verify(t, host.None{}, verify.Options{Expect: &remapped})
	assert.Check(t, is.Equal(got["processes"].Status, report.OK))
	small := idmap.Single(testengine.Base, 1000)
	got = s.verify(t, host.None{}, verify.Options{Expect: &small})
	assert.Check(t, is.Equal(got["processes"].Status, report.Error))
	assert.Check(t, is.Contains(got["processes"].Details[0].Note, "UID 101000 not in the map"))
}

// A probe that the engine does not start is wrong.
func TestProbeThatDoesNotStart(t *testing.T) {
	s := newScene(t)
	got := s.verify(t, host.Local(), verify.Options{Probe: true, Image: "no-such-image", Expect: &remapped})
	assert.Check(t, is.Equal(got["probe-map"].Status, report.Error))
	assert.Check(t, is.Contains(got["probe-map"].Message, "no-such-image"))
	assert.Check(t, is.Equal(got["probe-root"].Status, report.Skipped))
}

// An engine that does not remap is said once.
func TestNotRemapped(t *testing.T) {
	s := scene{testengine.Start(t, testengine.Options{})}
	got := s.verify(t, host.Local(), verify.Options{})
	assert.Check(t, is.Equal(got["daemon-remapped"].Status, report.Error))
	assert.Check(t, len(got) > 2)
	for id, r := range got {
		if id != "daemon-answers" && id != "daemon-remapped" {
			assert.Check(t, is.Equal(r.Status, report.Skipped), id)
		}
	}
	s.Stop()
	got = s.verify(t, host.Local(), verify.Options{})
	assert.Check(t, is.Equal(got["daemon-answers"].Status, report.Error))
	assert.Check(t, is.Equal(got["daemon-remapped"].Status, report.Skipped))
}
