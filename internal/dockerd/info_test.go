package dockerd

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestOption(t *testing.T) {
	options := []string{"name=seccomp,profile=builtin", "name=userns", "x,name=selinux"}
	for name, want := range map[string]bool{"userns": true, "seccomp": true, "selinux": true, "rootless": false, "user": false, "builtin": false} {
		assert.Equal(t, Option(options, name), want, name)
	}
}

func TestContainerdStore(t *testing.T) {
	assert.Check(t, ContainerdStore([][2]string{{"x", "y"}, {"driver-type", "io.containerd.snapshotter.v1"}}))
	assert.Check(t, ContainerdStore([][2]string{{"driver-type", "io.containerd.snapshotter.v2"}}))
	assert.Check(t, !ContainerdStore([][2]string{{"Backing Filesystem", "extfs"}, {"driver-type", "io.containerd.snapshotter"}}))
}
