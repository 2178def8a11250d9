package apps

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/probe/probetest"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// The runbook's questions, with what stands in for them if there is no
// network: a shell for python, git and pip.
const applications = `
version: 1
health:
- {name: app, url: URL/healthy, expr: .docker == "healthy"}
commands:
- {name: python, container: workspace, run: echo $((6 * 7)), stdout: ^42$}
- {name: write, container: workspace, workdir: /workspace, run: echo hello >f && cat f, stdout: ^hello$}
- {name: user, container: workspace, user: app, run: [id, -u], stdout: ^1000$}
- {name: environment, container: workspace, env: {A: "b c"}, run: echo "$A", stdout: ^b c$}
- {name: code, container: workspace, run: exit 7, exit: 7}
- {name: new, image: bb, user: app, workdir: /tmp, run: "id -u; id -G; touch f", stdout: "^1000\n1000 1234\n", exit: 1}
sockets:
- {name: daemon, address: SOCKET}
starts: {count: 2, p95: 1m, baseline: BASELINE}
`

func TestApplications(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	probetest.Busybox(t, e)
	probetest.Docker(t, e, "run", "-d", "--network=none", "--name=workspace", "--tmpfs=/workspace:uid=1000", "bb", "sleep", "600")
	t.Cleanup(func() { probetest.Docker(t, e, "rm", "-f", "workspace") })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(healthy)) }))
	t.Cleanup(server.Close)
	baseline := filepath.Join(t.TempDir(), "starts.json")
	text := strings.NewReplacer("URL", server.URL, "SOCKET", e.Host, "BASELINE", baseline).Replace(applications)
	p := newProbe(t, e)
	check := func(t *testing.T, text string) map[string]report.Result {
		t.Helper()
		profile, err := ParseProfile([]byte(text))
		assert.NilError(t, err)
		byID := map[string]report.Result{}
		for _, r := range profile.Check(t.Context(), p) {
			byID[r.ID] = r
		}
		return byID
	}
	for id, r := range check(t, text) {
		assert.Check(t, r.Status == report.OK, "%s: %s", id, r.Message)
	}
	again := check(t, text)["app-starts"]
	assert.Check(t, again.Status == report.OK && strings.Contains(again.Message, "; before P50"), again.Message)

	t.Run("that do not work", func(t *testing.T) {
		for command, want := range map[string]string{
			"{container: workspace, run: 'echo oops >&2; exit 3'}":     "exit code 3 instead of 0: oops",
			"{container: workspace, run: echo 41, stdout: ^42$}":       "its output does not match ^42$: 41",
			"{container: workspace, run: [git, --version]}":            "git",
			"{container: workspace, run: sleep 60, timeout: 300ms}":    "did not end within 300ms",
			"{container: workspace, user: nosuch, run: id}":            "nosuch",
			"{container: missing, run: id}":                            "missing",
			"{image: bb, run: sleep 60, timeout: 2s}":                  "did not end within 2s",
			"{image: missing, run: id}":                                "missing",
			"{image: bb, run: [git, --version]}":                       "git",
			"{image: bb, run: 'cat /dev/zero', timeout: 1s}":           "did not end within 1s",
			"{container: workspace, user: '70000', run: id}":           "unmapped",
			"{container: workspace, workdir: /none, run: id}":          "",
			"{image: bb, run: 'cat /bin/sh; echo; echo end', exit: 1}": "exit code 0 instead of 1",
		} {
			r := check(t, "version: 1\ncommands:\n- "+command)["app-commands"]
			assert.Check(t, is.Contains(r.Message, want), command)
			assert.Check(t, r.Status == report.Error || want == "", command)
		}
		r := check(t, "version: 1\nsockets:\n- address: /none/x\nhealth:\n- url: "+server.URL+"\n  expr: .docker\n")
		assert.Check(t, r["app-sockets"].Status == report.Error && r["app-health"].Status == report.Error, "%v", r)
	})
	t.Run("unknown", func(t *testing.T) {
		dynamic, err := exec.LookPath("ssh")
		if err != nil {
			t.Skip("needs a program that is not static")
		}
		other := newProbe(t, e)
		other.Program = dynamic
		profile, err := ParseProfile([]byte("version: 1\nsockets:\n- {address: /x, container: workspace}\nstarts: {count: 1}\n"))
		assert.NilError(t, err)
		for _, r := range profile.Check(t.Context(), other) {
			assert.Check(t, r.Status == report.Unknown && strings.Contains(r.Message, "--image"), "%s: %s: %s", r.ID, r.Status, r.Message)
		}
	})
	t.Run("until somebody is tired of it", func(t *testing.T) {
		profile, err := ParseProfile([]byte("version: 1\ncommands:\n- {image: bb, run: sleep 60}\nstarts: {count: 1000}\n"))
		assert.NilError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, r := range profile.Check(ctx, p) {
			assert.Check(t, r.Status != report.OK, r.Message)
		}
	})
	assert.NilError(t, p.Close())
	assert.Equal(t, probetest.Docker(t, e, "ps", "-aq", "--filter=label="+probe.Label), "")
	assert.Equal(t, probetest.Docker(t, e, "volume", "ls", "-q"), "")
	assert.Equal(t, probetest.Docker(t, e, "image", "ls", "-q", "--filter=label="+probe.Label), "")
}
