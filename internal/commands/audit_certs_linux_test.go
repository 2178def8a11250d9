package commands

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"gotest.tools/v3/assert"
)

// The authorities of a registry are read on the engine's host, and none of its keys.
func TestAuthoritiesOverSSH(t *testing.T) {
	t.Setenv("PATH", hosttest.SSHD(t).Bin+":"+os.Getenv("PATH"))
	h, err := host.SSH(hosttest.Endpoint)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, h.Close()) })
	folder := filepath.Join(t.TempDir(), "registry.example:5000")
	assert.Equal(t, len(authoritiesOf(t.Context(), h, folder)), 0)
	assert.NilError(t, os.MkdirAll(filepath.Join(folder, "folder.crt"), 0o700))
	for name, body := range map[string]string{"a.crt": "one", "b.crt": "two", "client.cert": "three", "client.key": "four"} {
		assert.NilError(t, os.WriteFile(filepath.Join(folder, name), []byte(body), 0o600))
	}
	assert.Equal(t, string(authoritiesOf(t.Context(), h, folder)), "one\ntwo\n")
}
