package commands

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// kindHost is a host of some kind.
type kindHost struct {
	host.None
	kind string
}

func (h kindHost) Kind() string { return h.kind }

// All verbs look at one machine: the one that the endpoint leads to.
func TestMachine(t *testing.T) {
	for endpoint, want := range map[string]string{
		"ssh://somebody@db1":             host.KindSSH,
		"ssh://somebody@db1/run/my.sock": host.KindSSH,
		"tcp://db1:2376":                 host.KindNone,
		"npipe:////./pipe/docker_engine": host.KindNone,
		"http://db1":                     host.KindNone,
	} {
		e := &engine{endpoint: endpoint}
		h, err := e.machine(t.Context(), nil)
		assert.NilError(t, err, "%s", endpoint)
		defer h.Close()
		assert.Equal(t, h.Kind(), want, "%s", endpoint)
		again, err := e.machine(t.Context(), nil)
		assert.NilError(t, err, "%s", endpoint)
		assert.Check(t, again == h, "%s: it is opened twice", endpoint)
	}
	_, err := (&engine{endpoint: "ssh://"}).machine(t.Context(), nil)
	assert.Check(t, err != nil, "an endpoint without a machine")
}

// Files are read on the machine that was opened, and on none if it is out of reach.
func TestFilesOfMachine(t *testing.T) {
	for kind, want := range map[string]int{host.KindSSH: 1, host.KindSudo: 1, host.KindNone: 0} {
		h := kindHost{kind: kind}
		files, done := (&engine{endpoint: "unix:///nowhere.sock", host: h}).files(t.Context())
		done()
		assert.Equal(t, len(files), want, "%s", kind)
		assert.Check(t, want == 0 || files[0] == h, "%s: the files of another machine", kind)
	}
}
