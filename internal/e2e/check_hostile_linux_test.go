package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// evil is a path that a shell would run, a terminal obey, and a line end cut.
const evil = "/srv/$(touch /tmp/pwned)`touch /tmp/pwned`'\";touch /tmp/pwned;\n\x1b[31mINJECTED"

// Names of all kinds that are not fit to be seen: the table shows them harmless,
// and nothing in them is run, nor in the commands that mend things.
func TestCheckHostileNames(t *testing.T) {
	host := boot(t, testbed.Engine28)
	install(t, host)
	host.Busybox(t, "bb")
	make := host.Command("sh", "-ec", `mkdir -p "$0" && chown 1000:1000 "$0" && chmod 755 "$0"`, evil)
	assert.Equal(t, ask(t, make).code, 0)
	host.Docker(t, "--context", "unix", "run", "-d", "--network=none", "--name=evil", "--user=1000", "-v", evil+":/data",
		"--label=com.docker.compose.project=\x1b[31m\nINJECTED", "bb", "sleep", "1000")
	host.Docker(t, "--context", "unix", "network", "create", "net\x1b[31m\nINJECTED")
	host.Shell(t, `printf 'ev\033[31mil:x:100001:100001:\033[31m:/:/bin/sh\n' >>/etc/passwd
		useradd --system --no-create-home dockremap
		printf 'a\033[31m$(touch /tmp/pwned):100000:10\n\033[31m\n' >/etc/subuid; echo dockremap:100000:65536 >>/etc/subuid
		echo dockremap:100000:65536 >/etc/subgid
		printf '{"ev\\u001b[31mil\\nINJECTED": 1, "\033]0;x\007": 2}' >/etc/docker/daemon.json
		mkdir -p '/var/lib/docker/1.1; touch /tmp/pwned'`)
	ran := func(when string) {
		t.Helper()
		_, err := os.Lstat("/tmp/pwned")
		assert.Assert(t, os.IsNotExist(err), "%s, on this machine", when)
		assert.Equal(t, host.Shell(t, "find / -xdev -name pwned"), "", when)
	}
	for from, cmd := range map[string]*exec.Cmd{
		"over ssh":     host.DockerCommand("--context", "root", "userns", "check", "--verbose"),
		"on the host":  host.Command("su", "-", "root", "-c", "docker userns check --verbose"),
		"through sudo": host.Command("su", "-", "opnp", "-c", "docker userns check --verbose"),
		"without root": host.DockerCommand("--context", "op", "userns", "check", "--verbose"),
	} {
		a := ask(t, cmd)
		assert.Equal(t, a.code, 1, a.stderr)
		harmless(t, from, a.stdout+a.stderr)
		ran(from)
	}
	j := over(t, host, "root")
	v := j.of(t, "impact-bind-mounts")
	assert.Equal(t, v.Status, "warning", v.Message)
	assert.Equal(t, v.Details[0].Name, "evil: "+evil)
	mend := ask(t, host.Command("sh", "-c", strings.Join(v.Fix, "\n")))
	assert.Equal(t, mend.code, 0, mend.stderr)
	ran("the commands that mend")
	assert.Equal(t, over(t, host, "root").of(t, "impact-bind-mounts").Status, "ok")
}

// harmless holds that no name reached a terminal as it is.
func harmless(t *testing.T, from, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		assert.Check(t, !strings.HasPrefix(strings.TrimSpace(line), "INJECTED"), "%s: %q", from, line)
		for _, r := range line {
			if !unicode.IsPrint(r) {
				t.Errorf("%s: %q", from, line)
				break
			}
		}
	}
	assert.Check(t, strings.Contains(text, `\x1b[31m`), "%s: the names are missing", from)
}
