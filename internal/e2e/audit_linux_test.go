package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// A developer audits images of an engine, wherever it is: the answer is the same.
func TestAuditImageOverEveryTransport(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.ServeTLS(t)
		loadPictures(t, host)
		answers := map[string]map[string]report{}
		for _, name := range []string{"unix", "tls", "root", "op", "opnp"} {
			a := docker(t, host, nil, "--context", name, "userns", "audit-image", "--format", "json", "fine:1", "npm:1", "user:1")
			assert.Equal(t, a.code, 1, "context %s: %s%s", name, a.stdout, a.stderr)
			answers[name] = reports(t, a)
			assert.Equal(t, len(answers[name]), 3, a.stdout)
			for _, r := range answers[name] {
				assert.Assert(t, r.Source != "")
				delete(r.rest, "source")
			}
		}
		fine, npm, user := answers["unix"]["fine:1"], answers["unix"]["npm:1"], answers["unix"]["user:1"]
		assert.Equal(t, fine.Verdict, "mappable")
		assert.Assert(t, fine.Startable)
		assert.Equal(t, len(fine.Findings), 0)
		assert.Equal(t, npm.Verdict, "unmappable")
		assert.Equal(t, npm.Findings[0].UID, int64(npmOwner))
		assert.DeepEqual(t, npm.Findings[0].Paths, []string{npmFile})
		assert.Equal(t, user.Verdict, "mappable")
		assert.Assert(t, !user.Startable)
		for _, byImage := range answers {
			for image, r := range byImage {
				assert.DeepEqual(t, r.rest, answers["unix"][image].rest)
			}
		}
	})
}

// The engine is remapped already. The audit takes its map, the engine and the
// audit agree, and its error message leads to the file.
func TestAuditImageOnARemappedEngine(t *testing.T) {
	const first, size = 300000, 65536
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, first, size)
		assert.NilError(t, host.Load(t.Context(), bytes.NewReader(pictures["fine:1"])))
		assert.NilError(t, host.Load(t.Context(), bytes.NewReader(pictures["user:1"])))
		refused := host.Load(t.Context(), bytes.NewReader(pictures["npm:1"]))
		assert.ErrorContains(t, refused, "cannot be mapped to a host ID")

		for _, name := range []string{"unix", "root", "opnp"} {
			a := docker(t, host, nil, "--context", name, "userns", "audit-image", "--format", "json", "--all")
			assert.Equal(t, a.code, 1, "context %s: %s%s", name, a.stdout, a.stderr) // user:1 cannot start
			all := reports(t, a)
			assert.Equal(t, len(all), 2, a.stdout)
			for image, r := range all {
				assert.Equal(t, r.Verdict, "mappable", image)
				assert.Equal(t, r.Startable, image == "fine:1", image)
				assert.Equal(t, r.IDMap.UID[0].HostID, int64(first))
				assert.Equal(t, r.IDMap.UID[0].Size, int64(size))
			}
		}
		archive := filepath.Join(t.TempDir(), "npm.tar")
		assert.NilError(t, os.WriteFile(archive, pictures["npm:1"], 0o600))
		a := docker(t, host, nil, "--context", "root", "userns", "audit-image", "--explain", refused.Error(), archive)
		assert.Equal(t, a.code, 1, a.stderr)
		assert.Assert(t, strings.Contains(a.stdout, npmFile), a.stdout)
	})
}

// The engine's own words come true for an image that "startable" warns of.
func TestAnImageThatIsNotStartableDoesNotStart(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		host.Busybox(t, "bb")
		start := func(user string) answer {
			return ask(t, host.DockerCommand("--context", "unix", "run", "--rm", "--user", user, "bb", "id", "-u"))
		}
		assert.Equal(t, start("65535").stdout, "65535\n")
		a := start("70000")
		assert.Assert(t, a.code != 0)
		assert.Assert(t, strings.Contains(a.stderr, "unmapped"), a.stderr)
	})
}
