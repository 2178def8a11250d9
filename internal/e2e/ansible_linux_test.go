package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// fleet are hosts that Ansible manages from this machine, as a user who may use sudo.
// They are named db1, db2 and so on.
type fleet struct {
	hosts []*testbed.Host
	dir   string // a home, the inventory, the collection
}

// newFleet boots hosts, and gives each of them more variables. Only those with engine
// 20.10 have Python, in a version that Debian's Ansible knows.
func newFleet(t *testing.T, variables ...string) *fleet {
	t.Helper()
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("needs ansible-playbook (Debian's package ansible-core)")
	}
	f := &fleet{dir: t.TempDir()}
	inventory := "[docker]\n"
	for i, more := range variables {
		host := boot(t, testbed.Engine20)
		f.hosts = append(f.hosts, host)
		inventory += fmt.Sprintf("db%d ansible_host=%s ansible_ssh_executable=%s %s\n", i+1, host.Address, host.SSH(), more)
	}
	inventory += "[docker:vars]\nansible_user=opnp\nuserns_remap_plugin=" + plugin(t) + "\n"
	assert.NilError(t, os.WriteFile(f.path("inventory"), []byte(inventory), 0o600))
	a := f.ansible(t, "ansible-galaxy", "collection", "install", "../../scripts/ansible")
	assert.Equal(t, a.code, 0, a.stdout+a.stderr)
	return f
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

// ansible runs one of Ansible's programs.
func (f *fleet) ansible(t *testing.T, args ...string) answer {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+f.dir, "ANSIBLE_COLLECTIONS_PATH="+f.path("collections"), "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8",
		"ANSIBLE_PIPELINING=1", "ANSIBLE_SSH_TRANSFER_METHOD=piped", "ANSIBLE_SSH_ARGS=-o ControlMaster=auto -o ControlPersist=5s")
	return ask(t, cmd)
}

// play runs a playbook on the fleet. One that has lines is no name.
func (f *fleet) play(t *testing.T, playbook string, args ...string) recap {
	t.Helper()
	if strings.Contains(playbook, "\n") {
		assert.NilError(t, os.WriteFile(f.path("playbook.yml"), []byte(playbook), 0o600))
		playbook = f.path("playbook.yml")
	}
	return recap{f.ansible(t, append([]string{"ansible-playbook", "-i", f.path("inventory"), playbook}, args...)...)}
}

// example is the playbook of the collection.
const example = "docker_userns.remap.enable"

// recap is the answer of a play.
type recap struct{ answer }

// of is how a host ended: how many tasks changed something, and how many failed. It is
// empty if nothing was done there.
func (r recap) of(host string) string {
	m := regexp.MustCompile(`(?m)^` + host + `\s*: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=(\d+) `).FindStringSubmatch(r.stdout)
	if m == nil {
		return ""
	}
	return "changed " + m[1] + ", failed " + m[2]
}

// everything is what a run may change on a host, and who runs dockerd.
func everything(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return files(t, host) + engine(t, host) + host.Shell(t, `systemctl show -p MainPID docker
		ls -lR /usr/local/libexec /usr/local/lib /var/lib/docker-userns 2>/dev/null || true; ls /tmp | grep -i ansible || true`)
}

// One host after the other, until one does not prove good: it is rolled back, and those
// after it are not touched. A dry run shows the diffs, and changes nothing; a second run
// has nothing to do.
func TestAnsible(t *testing.T) {
	t.Parallel()
	f := newFleet(t,
		`userns_remap_enable_options='["--stable=0s"]'`,
		`userns_remap_enable_options='["--stable=0s", "--soak=1m", "--start-p95=1ms"]'`,
		`userns_remap_enable_options='["--stable=0s"]'`)
	var before []string
	for _, host := range f.hosts {
		inUse(t, host)
		before = append(before, everything(t, host))
	}
	untouched := func(n int) {
		t.Helper()
		assert.Equal(t, everything(t, f.hosts[n]), before[n])
	}

	dry := f.play(t, example, "--check", "--diff")
	assert.Equal(t, dry.code, 0, dry.stdout+dry.stderr)
	for n, name := range []string{"db1", "db2", "db3"} {
		assert.Equal(t, dry.of(name), "changed 2, failed 0", dry.stdout) // the plugin, and the plan
		untouched(n)
	}
	for _, line := range []string{"+++ /etc/subuid", "+dockremap:165536:65536", "+++ /etc/docker/daemon.json", `+\t\"userns-remap\": \"dockremap\"`} {
		assert.Check(t, strings.Contains(dry.stdout, `"`+line), "no %s in %s", line, dry.stdout)
	}

	oldFiles, oldEngine := files(t, f.hosts[1]), engine(t, f.hosts[1])
	r := f.play(t, example)
	assert.Equal(t, r.code, 2, r.stdout+r.stderr)
	assert.Equal(t, r.of("db1"), "changed 3, failed 0", r.stdout) // the folder, the plugin, and remap
	assert.Check(t, strings.Contains(engine(t, f.hosts[0]), "name=userns"))
	assert.Equal(t, verdictOf(t, f.hosts[0]), "kept")
	assert.Equal(t, r.of("db2"), "changed 2, failed 1", r.stdout) // the folder and the plugin
	assert.Check(t, strings.Contains(r.stdout, `"msg": "undone: `) && strings.Contains(r.stdout, "containers start slowly"), r.stdout)
	assert.Equal(t, files(t, f.hosts[1]), oldFiles)
	assert.Equal(t, engine(t, f.hosts[1]), oldEngine)
	assert.Equal(t, verdictOf(t, f.hosts[1]), "undone")
	settled(t, f.hosts[1])
	assert.Equal(t, r.of("db3"), "", r.stdout)
	untouched(2)

	before[0] = everything(t, f.hosts[0])
	r = f.play(t, example, "--limit=db1")
	assert.Equal(t, r.code, 0, r.stdout+r.stderr)
	assert.Equal(t, r.of("db1"), "changed 0, failed 0", r.stdout)
	untouched(0)
}

// look is a playbook that looks at the hosts, and then asserts something of the facts.
func look(verb, that string) string {
	return `
- hosts: docker
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: docker_userns.remap.userns_remap, tasks_from: ` + verb + `}
    - ansible.builtin.assert: {that: ` + that + `}
`
}

// What the role does apart from the example: check, verify, disable, and what is refused.
func TestAnsibleVerbs(t *testing.T) {
	if os.Getenv("TEST_ALL") == "" {
		t.Skip("only the example is tried without TEST_ALL=1")
	}
	t.Parallel()
	f := newFleet(t, `userns_remap_enable_options='["--stable=0s"]' userns_remap_disable_options='["--stable=0s"]'`)
	host := f.hosts[0]
	inUse(t, host)
	oldEngine, oldConfig := engine(t, host), host.Run(t, "cat", daemonJSON)
	ends := func(r recap, code int, how, says string) {
		t.Helper()
		assert.Check(t, r.code == code && r.of("db1") == how && strings.Contains(r.stdout, says), "%d %s\n%s%s", r.code, r.of("db1"), r.stdout, r.stderr)
	}
	checked := look("check", "userns_remap_check.schemaVersion == 1 and userns_remap_check.summary.error == 0 and userns_remap_check.results | length > 20")
	before := everything(t, host)
	ends(f.play(t, checked, "--check"), 0, "changed 1, failed 0", "")
	assert.Equal(t, everything(t, host), before)
	ends(f.play(t, checked), 0, "changed 2, failed 0", "")
	ends(f.play(t, look("verify", "true")), 2, "changed 0, failed 1", "daemon-remapped: ")
	ends(f.play(t, example, "-e", `{"userns_remap_enable_options": ["--accept=host-access"]}`), 2, "changed 0, failed 1", "without it, no change can be made")
	ends(f.play(t, example, "-e", `{"userns_remap_state": "on"}`), 2, "changed 0, failed 1", "must be one of: enabled, disabled")

	ends(f.play(t, example), 0, "changed 1, failed 0", "")
	ends(f.play(t, look("verify", "userns_remap_verify.summary.error == 0")), 0, "changed 0, failed 0", "")
	host.Busybox(t, "bb")
	container(t, host, "web") // which shows the kernel's map
	host.Shell(t, "cp /etc/subuid /root; sed -i s/65536$/1000/ /etc/subuid")
	ends(f.play(t, example), 2, "changed 0, failed 1", "map-in-force: ")
	host.Shell(t, "cp /root/subuid /etc/subuid")

	off := []string{"-e", "userns_remap_state=disabled"}
	before = everything(t, host)
	ends(f.play(t, example, append(off, "--check", "--diff")...), 0, "changed 1, failed 0", `"-\t\"userns-remap\": \"dockremap\"`)
	assert.Equal(t, everything(t, host), before)
	ends(f.play(t, example, off...), 0, "changed 1, failed 0", "")
	assert.Equal(t, engine(t, host), oldEngine)
	assert.Equal(t, host.Run(t, "cat", daemonJSON), oldConfig)
	ends(f.play(t, example, off...), 0, "changed 0, failed 0", "")
}
