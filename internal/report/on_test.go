package report

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestOn(t *testing.T) {
	for _, tc := range []struct{ endpoint, kind, want string }{
		{"unix:///var/run/docker.sock", "local", "this machine"},
		{"unix:///var/run/docker.sock", "sudo", "this machine"},
		{"unix:///var/run/docker.sock", "none", "the engine's host"},
		{"ssh://root@db1:2222", "ssh", "db1"},
		{"ssh://[2001:db8::1]", "ssh", "2001:db8::1"},
		{"tcp://10.0.0.7:2376", "none", "10.0.0.7"},
		{"npipe:////./pipe/docker_engine", "none", "the engine's host"},
		{"ssh://%zz", "ssh", "the engine's host"},
	} {
		assert.Equal(t, On(tc.endpoint, tc.kind), tc.want, tc.endpoint)
	}
}
