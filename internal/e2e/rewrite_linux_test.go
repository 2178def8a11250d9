package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// Images that a remapped engine refuses, or cannot start, are rewritten right into it,
// from a file, and then run there.
func TestRewriteIntoARemappedEngine(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		for _, name := range []string{"npm:1", "user:1"} {
			archive := filepath.Join(t.TempDir(), "image.tar")
			assert.NilError(t, os.WriteFile(archive, pictures[name], 0o600))
			for _, via := range []string{"unix", "op"} {
				to := "new-" + via + ":" + strings.TrimSuffix(name, ":1")
				a := docker(t, host, nil, "--context", via, "userns", "audit-image", "--rewrite", "docker-daemon:"+to, archive)
				assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
				id := strings.Fields(strings.Split(a.stdout, "\n")[1])[4]
				assert.Assert(t, len(id) == 12, a.stdout)
				created := ask(t, host.DockerCommand("--context", "unix", "create", to, "/app/run"))
				assert.Equal(t, created.code, 0, created.stderr)
				a = docker(t, host, nil, "--context", via, "userns", "audit-image", to)
				assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
			}
		}
		assert.Equal(t, host.Shell(t, "docker image inspect -f '{{.Config.User}}' new-unix:user"), "10001")
	})
}

// Images of an engine are rewritten to a file, from its own store or as it sends them,
// and it comes out the same.
func TestRewriteImagesOfAnEngine(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		loadPictures(t, host)
		written := map[string]string{}
		for _, via := range []string{"root", "op"} {
			to := filepath.Join(t.TempDir(), "new.tar")
			a := docker(t, host, nil, "--context", via, "userns", "audit-image", "--format", "json", "--rewrite", "docker-archive:"+to, "npm:1")
			assert.Equal(t, a.code, 0, "%s: %s%s", via, a.stdout, a.stderr)
			assert.NilError(t, schema.Validate(schema.Rewritten, a.stdout))
			audited := docker(t, host, nil, "--context", via, "userns", "audit-image", "--format", "json", to)
			assert.Equal(t, audited.code, 0, "%s: %s%s", via, audited.stdout, audited.stderr)
			assert.Equal(t, reports(t, audited)["npm:1"].Verdict, "mappable")
			b, err := os.ReadFile(to)
			assert.NilError(t, err)
			written[via] = string(b)
		}
		assert.Assert(t, written["root"] == written["op"])
	})
}
