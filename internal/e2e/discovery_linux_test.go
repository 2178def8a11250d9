package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// The docker CLIs of three generations, each on its own host, find the plugin
// where the README has it put.
func TestDockerFindsThePlugin(t *testing.T) {
	places := []struct{ path, user string }{
		{"/root/.docker/cli-plugins/docker-userns", "root"},
		{"/home/op/.docker/cli-plugins/docker-userns", "op"},
		{"/usr/local/libexec/docker/cli-plugins/docker-userns", "root"},
	}
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		binary, err := os.ReadFile(plugin(t))
		assert.NilError(t, err)
		loadPictures(t, host)
		for _, place := range places {
			host.WriteFile(t, place.path, binary, 0o755)
			as := func(line string) *exec.Cmd { return host.Command("su", "-", place.user, "-c", line) }

			help := ask(t, as("docker --help"))
			assert.Assert(t, hasWords(help.stdout, "userns*"), "docker --help as %s:\n%s", place.user, help.stdout)
			own := ask(t, as("docker userns --help"))
			assert.Equal(t, own.code, 0, own.stderr)
			assert.Assert(t, strings.Contains(own.stdout, "docker userns"), own.stdout)
			info := ask(t, as("docker info"))
			assert.Assert(t, hasWords(info.stdout, "userns:"), "docker info as %s:\n%s", place.user, info.stdout)
			assert.Assert(t, !strings.Contains(info.stderr, "plugin"), info.stderr)

			audit := ask(t, as("docker userns audit-image --format json npm:1"))
			assert.Equal(t, audit.code, 1, audit.stderr)
			assert.DeepEqual(t, reports(t, audit)["npm:1"].Findings[0].Paths, []string{npmFile})
			host.Run(t, "rm", place.path)
		}
		gone := ask(t, host.Command("docker", "userns", "--help"))
		assert.Assert(t, !strings.Contains(gone.stdout, "audit-image"), "a missing plugin was found: %s", gone.stdout)
	})
}

// hasWords says that a line begins with the word, whatever stands before it as
// indentation.
func hasWords(text, word string) bool {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == word {
			return true
		}
	}
	return false
}
