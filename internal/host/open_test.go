package host

import (
	"os"
	"runtime"
	"testing"

	"gotest.tools/v3/assert"
)

func TestOpen(t *testing.T) {
	h, err := Open(t.Context(), "tcp://10.0.0.1:2376", nil)
	assert.NilError(t, err)
	assert.Equal(t, h.Kind(), KindNone)
	_, err = h.Look(t.Context(), Questions{})
	assert.ErrorIs(t, err, ErrNone)
	assert.ErrorContains(t, err, "tcp://10.0.0.1:2376 gives access to the daemon only")

	h, err = Open(t.Context(), "ssh://me@db1:2222", nil)
	assert.NilError(t, err)
	assert.Equal(t, h.Kind(), KindSSH)
	assert.NilError(t, h.Close())
	for _, bad := range []string{"ssh://", "ssh://me:secret@db1", "ssh://db1?x=y", "ssh://%zz"} {
		_, err = Open(t.Context(), bad, nil)
		assert.Check(t, err != nil, bad)
	}

	h, err = Open(t.Context(), "unix:///var/run/docker.sock", nil)
	assert.NilError(t, err)
	switch {
	case runtime.GOOS != "linux":
		assert.Equal(t, h.Kind(), KindNone)
	case os.Geteuid() == 0:
		assert.Equal(t, h.Kind(), KindLocal)
	default:
		assert.Check(t, h.Kind() == KindSudo || h.Root(t.Context()) != nil)
	}
	assert.NilError(t, h.Close())
}

// A host name that ssh could read as an option, or a shell as a command, is
// neither.
func TestSSHArguments(t *testing.T) {
	for endpoint, want := range map[string]string{
		"ssh://-oProxyCommand=x": "--",
		"ssh://me@db1:2222":      "--",
	} {
		h, err := newSSH("true", endpoint)
		if err != nil {
			continue
		}
		args := h.(*sshHost).shared.args
		assert.Equal(t, args[len(args)-2], want, "%q", args)
	}
	assert.Equal(t, controlPath("host db1\ncontrolmaster false\ncontrolpath none\n"), "")
	assert.Equal(t, controlPath("host db1\ncontrolpath /home/me/.ssh/s-db1\n"), "/home/me/.ssh/s-db1")
}
