package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// installed is where every user of a host finds the plugin.
const installed = "/usr/local/libexec/docker/cli-plugins/docker-userns"

// judged is what `check --format json` prints.
type judged struct {
	Host    string
	Results []verdict
	Summary map[string]int
	code    int
}

type verdict struct {
	ID, Category, Status, Message string
	Fix                           []string
	Details                       []struct{ Name, Note string }
}

// checked reads the answer of a check, whatever its exit code.
func checked(t *testing.T, a answer) judged {
	t.Helper()
	j := judged{code: a.code}
	assert.NilError(t, json.Unmarshal([]byte(a.stdout), &j), "exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	assert.NilError(t, schema.Validate(schema.Results, a.stdout))
	assert.Assert(t, len(j.Results) > 50, a.stdout)
	return j
}

// over checks a host through one of its contexts.
func over(t *testing.T, host *testbed.Host, name string, args ...string) judged {
	t.Helper()
	return checked(t, docker(t, host, nil, append([]string{"--context", name, "userns", "check", "--format", "json"}, args...)...))
}

// on checks a host from itself, as one of its users, without a terminal.
func on(t *testing.T, host *testbed.Host, user string, args ...string) judged {
	t.Helper()
	return checked(t, ask(t, host.Command("su", "-", user, "-c", "docker userns check --format json "+strings.Join(args, " "))))
}

// of gives one verdict.
func (j judged) of(t *testing.T, id string) verdict {
	t.Helper()
	i := slices.IndexFunc(j.Results, func(v verdict) bool { return v.ID == id })
	assert.Assert(t, i >= 0, "no verdict on %s", id)
	return j.Results[i]
}

// found are the verdicts with a status.
func (j judged) found(status string) (ids []string) {
	for _, v := range j.Results {
		if v.Status == status {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

func (j judged) statuses() map[string]string {
	all := map[string]string{}
	for _, v := range j.Results {
		all[v.ID] = v.Status
	}
	return all
}

// install puts the plugin on the host itself.
func install(t *testing.T, host *testbed.Host) {
	t.Helper()
	binary, err := os.ReadFile(plugin(t))
	assert.NilError(t, err)
	host.WriteFile(t, installed, binary, 0o755)
}

// state is all of a host that a check could change, without times, and without
// the mark that Debian's sudo leaves where somebody used it.
func state(t *testing.T, host *testbed.Host) string {
	t.Helper()
	return host.Shell(t, `cd /
		find etc home root srv tmp opt var/lib/docker-userns var/lib/docker -xdev ! -name .sudo_as_admin_successful \
			-printf '%p %y %m %U:%G %l\n' 2>/dev/null | sort
		find etc home root var/lib/docker-userns -xdev -type f ! -name .sudo_as_admin_successful -exec sha256sum {} + 2>/dev/null | sort -k 2`)
}

// only a person can answer these, so they are never told.
var ticks = []string{"maintenance-window", "load-balancer"}

// A host without remap that nothing speaks against, from wherever it is looked
// at: those who may see all say the same, and nobody says ok of what they have
// not seen. Looking changes nothing.
func TestCheckSoundHost(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.ServeTLS(t)
		install(t, host)
		loadPictures(t, host)
		before := state(t, host)

		const all = "--all-images" // those of containerd's store are streamed if need be
		sound := over(t, host, "root", all)
		assert.Equal(t, sound.Host, "ssh")
		assert.Equal(t, sound.code, 0, "%v", sound.found("error"))
		assert.DeepEqual(t, sound.found("unknown"), ticks)
		warnings := []string{"impact-images"}
		if host.Engine == testbed.Engine29 {
			warnings = []string{"image-store", "impact-images"}
		}
		assert.DeepEqual(t, sound.found("warning"), warnings)
		assert.Equal(t, len(sound.of(t, "impact-images").Details), 2, "npm:1 and user:1")

		for _, other := range []struct {
			name, kind string
			judged
		}{
			{"opnp over ssh", "ssh", over(t, host, "opnp", all)},
			{"root on the host", "local", on(t, host, "root", all)},
			{"opnp on the host, through sudo", "sudo", on(t, host, "opnp", all)},
		} {
			assert.Equal(t, other.Host, other.kind, other.name)
			assert.Equal(t, other.code, 0, other.name)
			assert.DeepEqual(t, other.statuses(), sound.statuses())
		}
		for _, some := range []struct {
			name string
			judged
		}{
			{"op over ssh", over(t, host, "op")},
			{"op on the host", on(t, host, "op")},
			{"guest over ssh", over(t, host, "guest")},
			{"guest on the host", on(t, host, "guest")},
		} {
			partial(t, some.name, some.judged, sound)
		}
		for name, kind := range map[string]string{"tls": "none", "unix": "local"} {
			a := over(t, host, name)
			assert.Equal(t, a.Host, kind, name)
			apiAlone(t, name, a, sound)
		}
		assert.DeepEqual(t, state(t, host), before)
	})
}

// partial compares what somebody without root's rights sees with what root
// sees: one error says what is missing, and the rest is not told otherwise.
func partial(t *testing.T, name string, some, all judged) {
	t.Helper()
	assert.Equal(t, some.code, 1, name)
	access := some.of(t, "host-access")
	assert.Equal(t, access.Status, "error", name)
	assert.Assert(t, len(access.Message) > 0)
	silent := some.of(t, "daemon-answers").Status == "error"
	for _, v := range some.Results {
		switch want := all.of(t, v.ID).Status; {
		case v.ID == "host-access", v.ID == "daemon-answers" && silent:
		case v.Status == "skipped" && silent, v.Status == "unknown":
		default:
			assert.Check(t, v.Status == want, "%s: %s is %s (%s), and root says %s", name, v.ID, v.Status, v.Message, want)
		}
	}
	assert.Check(t, !silent || strings.Contains(some.of(t, "daemon-answers").Message, "group docker"), "%s: %s", name, some.of(t, "daemon-answers").Message)
	assert.Equal(t, some.of(t, "data-root-path").Status, "unknown", name)
	assert.Equal(t, some.of(t, "subid-files").Status, "ok", name)
}

// apiAlone compares what the API alone tells with what root sees.
func apiAlone(t *testing.T, name string, some, all judged) {
	t.Helper()
	assert.Equal(t, some.code, 0, "%s: %v", name, some.found("error"))
	for _, v := range some.Results {
		switch v.Category {
		case "service", "subordinate IDs", "daemon.json", "storage":
			assert.Check(t, v.Status == "unknown", "%s: %s is %s: %s", name, v.ID, v.Status, v.Message)
		default:
			assert.Check(t, v.Status == "unknown" || v.Status == all.of(t, v.ID).Status, "%s: %s is %s: %s", name, v.ID, v.Status, v.Message)
		}
	}
	for _, id := range []string{"daemon-answers", "engine-version", "storage-driver", "swarm-inactive", "impact-containers"} {
		assert.Equal(t, some.of(t, id).Status, all.of(t, id).Status, "%s: %s", name, id)
	}
}

// Where nothing can be looked at at all, nothing was found out.
func TestCheckOfNothing(t *testing.T) {
	host := boot(t, testbed.Engine28)
	a := docker(t, host, nil, "--host", "tcp://"+host.Address+":1", "userns", "check", "--format", "json")
	assert.Equal(t, a.code, 2, a.stdout)
	assert.Equal(t, checked(t, a).Summary["ok"], 0, a.stdout)
	a = docker(t, host, nil, "--host", "ssh://nobodyhere@"+host.Address, "userns", "check", "--format", "json")
	assert.Equal(t, a.code, 2, a.stdout)
	assert.Equal(t, checked(t, a).Summary["ok"], 0, a.stdout)
}
