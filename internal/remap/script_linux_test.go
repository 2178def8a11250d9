package remap

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// real is a change of a real host, made the way an operator would make it.
type real struct {
	*testbed.Host
	Change
	was string
}

const (
	configPath  = "/etc/docker/daemon.json"
	wasConfig   = "{\n  \"debug\": false\n}\n"
	keyAdded    = ",\n  \"userns-remap\": \"dockremap\""
	remapConfig = "{\n  \"debug\": false" + keyAdded + "\n}\n"
	rangeLine   = "dockremap:200000:65536\n"
	otherLine   = "op:100000:65536\n"
)

// everything is what has to be as it was: the bytes, owners and modes of each
// file that the change touches, the units, and what the engine shows.
const everything = `set +e
for f in /etc/docker/daemon.json /etc/subuid /etc/subgid /etc/passwd /etc/group /etc/shadow /etc/gshadow; do
	echo "$f $(stat -c '%a %u %g' $f 2>&1) $(getfacl -cpn $f 2>&1 | tr '\n' ' ') $(sha256sum <$f 2>&1)"
done
ls -a /etc/docker /etc/systemd/system /etc/systemd/system/multi-user.target.wants | grep -v key.json
ls /etc/systemd/system/docker.service.wants 2>&1
ls /etc/*.lock 2>&1
ls /var/lib/docker-userns/pending 2>&1
systemctl is-active docker.service docker.socket
docker info -f '{{.DockerRootDir}} {{.SecurityOptions}}'
docker ps -aq --no-trunc | sort; docker image ls -q | sort; true`

// begin makes the change's folder on a host with a container.
func begin(t *testing.T, h *testbed.Host, number int) *real {
	t.Helper()
	h.Shell(t, "docker start $(docker ps -aq) >/dev/null")
	h.WriteFile(t, configPath, []byte(wasConfig), 0o640)
	h.Shell(t, "chown root:docker "+configPath+"; setfacl -m u:op:r "+configPath)
	h.WriteFile(t, "/etc/subuid", []byte(otherLine), 0o644)
	h.WriteFile(t, "/etc/subgid", []byte(otherLine), 0o644)
	r := &real{Host: h, Change: Change{
		ID: time.Now().UTC().Add(time.Duration(number) * time.Hour).Format("20060102T150405Z"), Unit: "docker.service", Socket: "docker.socket", Account: "dockremap",
		Running: []string{h.Shell(t, "docker ps -q --no-trunc")}, DataRoot: "/var/lib/docker",
		Config: File{Path: configPath, Existed: true, Before: hash(wasConfig), After: hash(remapConfig), Added: keyAdded},
		Tables: []File{
			{Path: "/etc/subuid", Existed: true, Before: hash(otherLine), After: hash(otherLine + rangeLine), Added: rangeLine},
			{Path: "/etc/subgid", Existed: true, Before: hash(otherLine), After: hash(otherLine + rangeLine), Added: rangeLine},
		}}}
	r.was = h.Shell(t, everything)
	h.Run(t, "mkdir", "-p", "-m", "0700", Folder, r.Dir())
	h.WriteFile(t, path.Join(r.Dir(), "change.sh"), r.Script(), 0o700)
	return r
}

func hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// verb calls the script and returns its exit code and what it said.
func (r *real) verb(words ...string) (code int, said string) {
	c := r.Command(append([]string{"sh", r.Dir() + "/change.sh"}, words...)...)
	out, _ := c.CombinedOutput()
	return c.ProcessState.ExitCode(), string(out)
}

func (r *real) must(t *testing.T, words ...string) string {
	t.Helper()
	code, said := r.verb(words...)
	assert.Equal(t, code, 0, "%s: %s", words, said)
	return said
}

// enable is what the change does between arming and proof.
func (r *real) enable(t *testing.T, restart bool) {
	t.Helper()
	r.Shell(t, "useradd -r -M -d /nonexistent -s /usr/sbin/nologin -c '"+r.Comment()+"' dockremap && usermod --add-subuids 200000-265535 --add-subgids 200000-265535 dockremap")
	r.WriteFile(t, configPath, []byte(remapConfig), 0o644)
	if restart {
		r.Shell(t, "systemctl reset-failed docker.service docker.socket; systemctl restart docker.service")
		assert.Equal(t, r.Run(t, "docker", "info", "-f", "{{.DockerRootDir}}"), "/var/lib/docker/200000.200000")
	}
}

// settles waits until the change came to its end, and returns what it came to.
func (r *real) settles(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if out, err := r.Command("sh", "-c", "! [ -L /var/lib/docker-userns/pending ] && cat "+r.Dir()+"/result").Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	t.Fatalf("not settled: %s", r.Shell(t, "cat "+r.Dir()+"/log; systemctl --no-pager list-units --all 'docker*'"))
	return ""
}

// undoneAtBoot arms and enables, has the host boot, and expects that it undid the change.
func (r *real) undoneAtBoot(t *testing.T, boot func(testing.TB)) {
	t.Helper()
	r.must(t, "arm", "300")
	r.enable(t, true)
	boot(t)
	assert.Equal(t, r.settles(t), "undone")
	r.isBack(t)
}

// isBack compares the host with what it was before.
func (r *real) isBack(t *testing.T) {
	t.Helper()
	for try := 0; try < 20 && r.Shell(t, everything) != r.was; try++ {
		time.Sleep(500 * time.Millisecond)
	}
	assert.Equal(t, r.Shell(t, everything), r.was, "%s", r.Shell(t, "cat "+r.Dir()+"/log"))
	if r.Running[0] != "" {
		assert.Equal(t, r.Shell(t, "docker ps -q --no-trunc"), r.Running[0])
	}
}

// The rollback is run on real hosts, whatever comes between: on one engine that
// the printed seed picks, or on those that REMAP_ENGINE names, separated by commas.
func TestScriptOnHosts(t *testing.T) {
	seed := time.Now().UnixNano()
	engines := []testbed.Engine{testbed.Engines[seed%int64(len(testbed.Engines))]}
	if named := os.Getenv("REMAP_ENGINE"); named != "" {
		engines = nil
		for name := range strings.SplitSeq(named, ",") {
			engines = append(engines, testbed.Engine(name))
		}
	}
	t.Logf("seed %d: %s", seed, engines)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			h := testbed.Boot(t, engine)
			h.Busybox(t, "box")
			h.Run(t, "docker", "run", "-d", "--network", "none", "--stop-timeout", "1", "box", "sleep", "100000")
			for n, story := range stories {
				ok := t.Run(story.name, func(t *testing.T) { story.run(t, begin(t, h, n)) })
				if !ok {
					return
				}
			}
		})
	}
}

var stories = []struct {
	name string
	run  func(*testing.T, *real)
}{
	{"nothing done, and the timer fires", func(t *testing.T, r *real) {
		pid := r.Run(t, "systemctl", "show", "-p", "MainPID", "docker.service")
		r.must(t, "arm", "3")
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
		assert.Equal(t, r.Run(t, "systemctl", "show", "-p", "MainPID", "docker.service"), pid)
	}},
	{"edited but not restarted", func(t *testing.T, r *real) {
		pid := r.Run(t, "systemctl", "show", "-p", "MainPID", "docker.service")
		r.must(t, "arm", "5")
		r.enable(t, false)
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
		assert.Equal(t, r.Run(t, "systemctl", "show", "-p", "MainPID", "docker.service"), pid)
	}},
	{"restarted", func(t *testing.T, r *real) {
		r.must(t, "arm", "20")
		r.enable(t, true)
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
	}},
	{"fired", func(t *testing.T, r *real) {
		r.must(t, "arm", "300")
		r.enable(t, true)
		r.must(t, "fire")
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
		code, _ := r.verb("keep")
		assert.Equal(t, code, 4)
	}},
	{"kept", func(t *testing.T, r *real) {
		r.must(t, "arm", "300")
		code, said := begin(t, r.Host, 99).verb("arm", "300")
		assert.Equal(t, code, 75, said)
		assert.Assert(t, strings.Contains(said, r.Dir()), said)
		r.enable(t, true)
		r.must(t, "renew", "200")
		assert.Assert(t, strings.Contains(r.must(t, "status"), "armed=yes\n"))
		r.must(t, "keep")
		r.must(t, "keep")
		code, _ = r.verb("fire")
		assert.Equal(t, code, 4)
		assert.Equal(t, r.settles(t), "kept")
		assert.Equal(t, r.Shell(t, "cat "+configPath), strings.TrimSpace(remapConfig))
		assert.Equal(t, r.Shell(t, "systemctl list-units --all --plain --no-legend 'docker-userns-*'; ls /etc/systemd/system | grep userns || true"), "")
		r.Shell(t, "rm "+configPath+"; systemctl reset-failed docker.service; systemctl restart docker; userdel dockremap")
	}},
	{"somebody else edits the files", func(t *testing.T, r *real) {
		r.must(t, "arm", "300")
		r.enable(t, true)
		r.Shell(t, "sed -i 's/false/true/' "+configPath+"; echo other:900000:65536 >>/etc/subuid")
		r.must(t, "fire")
		assert.Equal(t, r.Shell(t, "cat "+configPath+" /etc/subuid; cat /etc/subgid"), strings.Replace(wasConfig, "false", "true", 1)+otherLine+"other:900000:65536\n"+strings.TrimSpace(otherLine))
		assert.Equal(t, r.Shell(t, "docker info -f '{{.DockerRootDir}}'"), "/var/lib/docker")
	}},
	{"their edit keeps the daemon from starting", func(t *testing.T, r *real) {
		r.must(t, "arm", "300")
		r.enable(t, true)
		r.Shell(t, "sed -i 's/debug/no-such-key/' "+configPath)
		r.must(t, "fire")
		r.isBack(t)
		assert.Assert(t, strings.Contains(r.Shell(t, "cat "+r.Dir()+"/notes"), "the whole backup was restored"))
	}},
	{"units are read again in the middle", func(t *testing.T, r *real) {
		r.must(t, "arm", "300")
		r.Run(t, "systemctl", "daemon-reload")
		r.enable(t, true)
		assert.Assert(t, strings.Contains(r.must(t, "status"), "verdict=\n"))
		r.must(t, "fire")
		r.isBack(t)
	}},
	{"the daemon does not start at first", func(t *testing.T, r *real) {
		mend := r.FailRestart(t)
		r.must(t, "arm", "2")
		r.enable(t, false)
		r.Kill(t, "dockerd")
		time.Sleep(10 * time.Second)
		mend()
		r.Run(t, "rmdir", "/etc/systemd/system/docker.service.d")
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
	}},
	{"the disk is full", func(t *testing.T, r *real) {
		mend := r.FillDisk(t)
		code, said := r.verb("arm", "300")
		assert.Equal(t, code, 1, said)
		mend()
		r.isBack(t)
		r.must(t, "arm", "300")
		r.enable(t, true)
		mend = r.FillDisk(t)
		r.must(t, "fire")
		mend()
		r.isBack(t)
	}},
	{"etc is read-only", func(t *testing.T, r *real) {
		mend := r.ReadOnlyEtc(t)
		code, said := r.verb("arm", "300")
		assert.Equal(t, code, 1, said)
		mend()
		r.isBack(t)
		r.must(t, "arm", "300")
		r.enable(t, true)
		mend = r.ReadOnlyEtc(t)
		time.AfterFunc(5*time.Second, mend)
		r.must(t, "fire")
		r.isBack(t)
	}},
	{"the rollback is killed", func(t *testing.T, r *real) {
		r.must(t, "arm", "25")
		r.enable(t, true)
		r.Shell(t, "until [ -L "+r.Dir()+"/verdict ]; do sleep 0.1; done; systemctl kill --signal=KILL docker-userns-"+r.ID+"-1.service")
		assert.Equal(t, r.settles(t), "undone")
		r.isBack(t)
	}},
	{"the power is cut", func(t *testing.T, r *real) { r.undoneAtBoot(t, r.CutPower) }},
	{"the host is booted again", func(t *testing.T, r *real) { r.undoneAtBoot(t, r.Reboot) }},
	{"the host is booted while it is undone", func(t *testing.T, r *real) {
		r.must(t, "arm", "25")
		r.enable(t, true)
		r.Shell(t, "until [ -L "+r.Dir()+"/verdict ]; do sleep 0.1; done; sleep 0.$(date +%N | cut -c3-4)")
		r.CutPower(t)
		assert.Equal(t, r.settles(t), "undone")
		// Where it was through before the power went, nothing was left to do after the
		// boot, and the container is down as after any boot.
		r.Shell(t, "[ -e /run/docker-userns/"+r.ID+"/restarted ] || docker start "+r.Running[0])
		r.isBack(t)
	}},
}
