package remap

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A story is one change, its files as they come to be, and what becomes of it.
type story struct {
	*world
	*rand.Rand
	Change
	before map[string]string // as read says it
	want   map[string]string // after it was undone
	after  []string          // the text of each file of the change
}

func (s *story) pick(texts ...string) string { return texts[s.IntN(len(texts))] }

// newStory lays out files of all kinds, and a change of them.
func newStory(t *testing.T, shell string, seed uint64) *story {
	s := &story{world: newWorld(t, shell), Rand: rand.New(rand.NewPCG(seed, 1)), before: map[string]string{}}
	s.Change = Change{ID: testID, Unit: "docker.service", Socket: "docker.socket", Account: "dockremap", Running: []string{"c1", "c2"}, DataRoot: "/var/lib/docker"}
	s.write(t, "/etc/login.defs", s.pick("USERGROUPS_ENAB yes\n", "USERGROUPS_ENAB no\n"))
	s.write(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nop:x:1000:1000::/:/bin/sh\n")
	s.write(t, "/etc/group", "root:x:0:\nop:x:1000:\n"+s.pick("", "dockremap:x:990:\n"))
	s.write(t, "/etc/shadow", "root:*:1:0:99999:7:::\nop:*:1:0:99999:7:::\n")
	s.write(t, "/etc/gshadow", "root:*::\nop:!::\n"+s.pick("", "\n"))
	if s.IntN(4) == 0 {
		s.turnOff(t)
	} else {
		s.turnOn(t)
	}
	for _, name := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"} {
		s.before[name] = s.read(name)
	}
	for _, c := range s.Running {
		s.write(t, "/stub/running/"+c, "")
	}
	s.install(t, s.Change)
	return s
}

// turnOn is a change as enable makes it.
func (s *story) turnOn(t *testing.T) {
	const added = `,` + "\n" + `  "userns-remap": "dockremap"`
	switch config := s.pick("missing", "{\n  \"debug\": true\n}\n", "{\"labels\":[\"\xc3\x81\xe2\x82\x88 it's $x `y` \\\\n %s\"]}", "{\r\n\t\"debug\": true\r\n}\r\n"); config {
	case "missing":
		s.file(t, "/etc/docker/daemon.json", config, "{\n  \"userns-remap\": \"dockremap\"\n}\n", "{\n  \"userns-remap\": \"dockremap\"\n}\n")
	default:
		end := strings.LastIndexAny(config, "e]") + 1
		s.file(t, "/etc/docker/daemon.json", config, config[:end]+added+config[end:], added)
	}
	for _, name := range []string{"/etc/subuid", "/etc/subgid"} {
		before := s.pick("missing", "", "op:100000:65536\n", "op:100000:65536", "\x81 # odd\r\nop:1:2\n")
		gap := ""
		if before != "missing" && before != "" && !strings.HasSuffix(before, "\n") {
			gap = "\n"
		}
		s.file(t, name, before, strings.TrimPrefix(before, "missing")+gap+rangeLine, gap+rangeLine)
	}
}

// turnOff is one as disable makes it.
func (s *story) turnOff(t *testing.T) {
	s.Account, s.DataRoot = "", "/var/lib/docker/200000.200000"
	after := s.pick("missing", "{ }", "{\"a\":1}\n")
	s.file(t, "/etc/docker/daemon.json", s.pick("{\"userns-remap\":\"dockremap\"}", "{\n\t\"userns-remap\": \"dockremap\"\r\n}\n\n"), after, "")
	s.write(t, "/stub/root", s.DataRoot+"\n")
}

// file adds one to the change.
func (s *story) file(t *testing.T, name, before, after, added string) {
	f := File{Path: name, Added: added}
	if after != "missing" {
		f.After = hash(after)
	}
	if before != "missing" {
		f.Existed, f.Before = true, hash(before)
		s.write(t, name, before)
		assert.NilError(t, os.Chmod(s.path(name), os.FileMode(0o600+s.IntN(0o100))))
		assert.NilError(t, os.Chown(s.path(name), s.IntN(100), s.IntN(100)))
	}
	if s.after = append(s.after, after); isTable(f) {
		s.Tables = append(s.Tables, f)
	} else {
		s.Config = f
	}
	s.before[name] = s.read(name)
}

// killed runs a verb, and kills it with all its processes some time later. A verb
// that is through by then returns its code, else -1.
func (s *story) killed(t *testing.T, words ...string) int {
	c := s.command(s.script(s.Change, words...)...)
	assert.NilError(t, c.Start())
	done := make(chan struct{})
	go func() {
		c.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Duration(s.IntN(250)) * time.Millisecond):
		s.kill()
		<-done
	}
	return c.ProcessState.ExitCode()
}

func (s *story) tell(t *testing.T) {
	defer func() {
		if t.Failed() {
			_, said := s.run("/bin/sh", "-c", "cat "+s.Dir()+"/log; ls -lR /var/lib/docker-userns /stub /etc; cat /stub/unknown")
			t.Log(said)
		}
	}()
	if s.IntN(3) == 0 {
		s.killed(t, "arm", "300")
		s.same(t, s.before)
		if s.read(s.pathOfLock()) == "missing" {
			s.timers(t)
			s.ID = "20261122T999999Z"
			s.install(t, s.Change)
		}
	}
	if _, err := os.Lstat(s.path("var/lib/docker-userns/pending")); err != nil {
		code, said := s.verb(s.Change, "arm", "300")
		assert.Equal(t, code, 0, said)
	}
	s.same(t, s.before)
	restarts := s.apply(t)
	s.decide(t, restarts)
	s.timers(t)
	s.ended(t)
}

func (s *story) pathOfLock() string { return "/var/lib/docker-userns/pending" }

// same compares files with what they were.
func (s *story) same(t *testing.T, want map[string]string) {
	t.Helper()
	for name, text := range want {
		assert.Equal(t, s.read(name), text, name)
	}
}

// apply makes the change, or a part of it, and returns whether it restarted the
// daemon. Somebody else may edit a file as well.
func (s *story) apply(t *testing.T) bool {
	s.want = map[string]string{}
	for name, text := range s.before {
		s.want[name] = text
	}
	add := func(name, line string) {
		text, _ := os.ReadFile(s.path(name))
		s.write(t, name, string(text)+line)
	}
	if s.Account != "" && s.IntN(5) > 0 {
		add("/etc/passwd", "dockremap:x:990:990:"+s.Comment()+":/nonexistent:/usr/sbin/nologin\n")
		add("/etc/shadow", "dockremap:!:1::::::\n")
		if !strings.Contains(s.before["/etc/group"], "dockremap") {
			add("/etc/group", "dockremap:x:990:\n")
			add("/etc/gshadow", "dockremap:!::\n")
		}
	}
	for i := len(s.after) - 1; i >= 0; i-- {
		if s.IntN(5) == 0 {
			return false
		}
		f := s.Files()[i]
		text, _ := os.ReadFile(s.path(f.Path))
		if s.after[i] == "missing" {
			assert.NilError(t, os.Remove(s.path(f.Path)))
			continue
		}
		assert.NilError(t, os.WriteFile(s.path(f.Path), []byte(s.after[i]), 0o644))
		if f.Existed && s.IntN(4) == 0 && f.Added != "" && !strings.HasPrefix(f.Added, "\n") {
			s.edit(t, f, string(text))
		}
	}
	if s.IntN(4) == 0 {
		return false
	}
	for range s.IntN(3) {
		s.killed(t, "restart")
	}
	if s.IntN(4) == 0 {
		return true // it was killed for good
	}
	code, said := s.verb(s.Change, "restart")
	assert.Equal(t, code, 0, said)
	return true
}

// edit is somebody else's: a blank line at the end.
func (s *story) edit(t *testing.T, f File, text string) {
	now, _ := os.ReadFile(s.path(f.Path))
	s.write(t, f.Path, string(now)+"\n")
	s.want[f.Path] = strings.Replace(s.before[f.Path], fmt.Sprintf("%q", text), fmt.Sprintf("%q", text+"\n"), 1)
}

// decide lets the change be kept or undone, and interrupts that.
func (s *story) decide(t *testing.T, restarted bool) {
	verb := s.pick("keep", "undo", "fire", "boot", "expire")
	for range s.IntN(4) {
		s.killed(t, verb)
		if verb == "boot" || s.IntN(6) == 0 {
			s.boots(t)
			return
		}
	}
	if verb == "boot" {
		s.boots(t)
		return
	}
	code, said := s.verb(s.Change, verb)
	assert.Equal(t, code, 0, said)
	code, _ = s.verb(s.Change, map[bool]string{true: "undo", false: "keep"}[verb == "keep"])
	assert.Equal(t, code, 4)
}

// boots restarts the host: what was in memory is gone.
func (s *story) boots(t *testing.T) {
	assert.NilError(t, os.RemoveAll(s.path("run/docker-userns")))
	assert.NilError(t, os.RemoveAll(s.path("stub/timers")))
	assert.NilError(t, os.MkdirAll(s.path("stub/timers"), 0o755))
	if _, err := os.Stat(s.path("etc/systemd/system/multi-user.target.wants/docker-userns-" + s.ID + ".service")); err == nil {
		code, said := s.verb(s.Change, "boot")
		assert.Equal(t, code, 0, said)
	}
	_, said := s.run("systemctl", "restart", "docker.service")
	assert.Equal(t, said, "")
	if _, err := os.Stat(s.path("etc/systemd/system/docker-userns-" + s.ID + "-confirm.service")); err == nil {
		code, said := s.verb(s.Change, "expire")
		assert.Equal(t, code, 0, said)
	}
}

// ended looks at the host in the end.
func (s *story) ended(t *testing.T) {
	t.Helper()
	decided, err := os.Readlink(s.path(s.Dir(), "verdict"))
	assert.NilError(t, err)
	text, _ := os.ReadFile(s.path(s.Dir(), "result"))
	assert.Equal(t, string(text), decided+"\n")
	if decided == "undone" {
		s.same(t, s.want)
		assert.Assert(t, strings.Contains(s.read("/stub/root"), strconv.Quote(s.DataRoot+"\n")), s.read("/stub/root"))
		assert.Assert(t, strings.Contains(s.read("/stub/active"), `"active\n"`))
		_, running := s.run("/bin/sh", "-c", "ls /stub/running; ls /stub/app /stub/client /stub/holder /stub/socket 2>&1")
		assert.Equal(t, running, "c1\nc2\n/stub/app\n/stub/client\n/stub/holder\n/stub/socket\n")
	}
	_, left := s.run("/bin/sh", "-c", "ls -d /etc/*docker-userns* /etc/docker/*docker-userns* /etc/systemd/system/*docker-userns* /etc/systemd/system/*/*docker-userns* /etc/*.lock /etc/*.[0-9]* /stub/unknown /stub/timers/* /var/lib/docker-userns/pending /var/lib/docker-userns/*/reserve 2>/dev/null")
	assert.Equal(t, left, "")
}
