package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// awkwardJSON is a file that is awkward to edit: tabs, odd order, a number that no
// float holds, and no newline at its end.
const awkwardJSON = "{\n\t\"max-concurrent-downloads\": 3,\n\t\"labels\": [\"b=2\",  \"a=1\"],\n\t\"log-driver\": \"json-file\"}"

// inUse makes a host that somebody uses: a container that runs and one that has
// ended, a volume, a network, an image, a daemon.json, and another's range.
func inUse(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.WriteFile(t, "/etc/docker/daemon.json", []byte(awkwardJSON), 0o640)
	host.Shell(t, `chown root:adm /etc/docker/daemon.json
		echo alice:100000:65536 >>/etc/subuid; echo alice:100000:65536 >>/etc/subgid
		systemctl restart docker`)
	host.Busybox(t, "bb")
	host.Shell(t, `docker run -d --network=none --stop-signal=KILL --name=web --restart=always -v data:/data bb sleep 100000
		docker run -d --network=none --stop-signal=KILL --name=once bb sleep 100000
		docker run --network=none --name=job bb sh -c :
		docker network create --internal front`)
}

// files are those that a change may touch, with their owners, modes and
// attributes, as they are.
func files(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `cd /etc; for f in docker/daemon.json subuid subgid passwd group shadow gshadow; do
		echo "== $f"; stat -c '%U:%G %a %F' $f; sha256sum <$f; [ $f = shadow ] || cat $f
	done 2>&1; true`)
}

// engine is what the daemon shows: remap, data root, what is there and runs.
func engine(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `docker info -f '{{.DockerRootDir}} {{.SecurityOptions}}'
		docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}' | sort
		docker ps --format 'running {{.Names}}' | sort
		docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort
		docker volume ls -q | sort; docker network ls --format '{{.Name}}' | sort`)
}

// settled holds that nothing of a change is armed any more. The unit that undid one may
// end a moment after who waited for it.
func settled(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.Shell(t, `for i in $(seq 50); do systemctl list-units --plain --no-legend 'docker-userns*' | grep -q . || exit 0; sleep 0.1; done`)
	left := host.Shell(t, `systemctl list-units --all --plain --no-legend 'docker-userns*'
		ls -d /etc/systemd/system/*docker-userns* /etc/systemd/system/*/*docker-userns* /var/lib/docker-userns/pending /etc/*.lock 2>/dev/null || true
		docker ps -aq --filter name=docker-userns-probe; docker volume ls -q --filter label=io.docker-userns.probe
		docker images -q docker-userns-probe`)
	assert.Equal(t, left, "")
}

// change calls enable or disable through a context.
func change(t *testing.T, host *testbed.Host, context string, args ...string) answer {
	t.Helper()
	return docker(t, host, nil, append([]string{"--context", context, "userns"}, args...)...)
}

// ended is the last object that a change prints with --format json.
type ended struct {
	Outcome, Why, Change string
	ExitCode             int
	Recovery             []string
}

// objects are the kinds of the objects that a change printed, which fit the schema, and
// the last of them.
func objects(t *testing.T, a answer) (kinds []string, last ended) {
	t.Helper()
	assert.NilError(t, schema.Validate(schema.Change, a.stdout), "%s%s", a.stdout, a.stderr)
	for line := range strings.Lines(a.stdout) {
		var o struct {
			Kind string
			ended
		}
		assert.NilError(t, json.Unmarshal([]byte(line), &o))
		kinds, last = append(kinds, o.Kind), o.ended
	}
	assert.Assert(t, len(kinds) > 0 && kinds[len(kinds)-1] == "result", "%s%s", a.stdout, a.stderr)
	assert.Equal(t, last.ExitCode, a.code)
	return kinds, last
}

// here calls enable or disable on the host itself, as one of its users, without a
// terminal.
func here(t *testing.T, host *testbed.Host, user string, args ...string) answer {
	t.Helper()
	return ask(t, host.Command("su", "-", user, "-c", "docker userns "+strings.Join(args, " ")))
}
