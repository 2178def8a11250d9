package dockerd

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestRootIDs(t *testing.T) {
	for name, want := range map[string]bool{
		"100000.100000": true, "0.0": true, "300000.100000": true, "/var/lib/docker/100000.100000": true,
		"100000": false, "a.b": false, "1.2.3": false, "01.1": false, "-1.-1": false, "4294967296.1": false, "": false,
		"/var/lib/docker": false, "+1.1": false, "1.": false,
	} {
		_, _, ok := RootIDs(name)
		assert.Equal(t, ok, want, name)
	}
	uid, gid, _ := RootIDs("/srv/300000.100000/")
	assert.Equal(t, [2]int64{uid, gid}, [2]int64{300000, 100000})
	for dir, want := range map[string]string{
		"/var/lib/docker/100000.100000": "/var/lib/docker", "/var/lib/docker/1.1/": "/var/lib/docker",
		"/data/docker/": "/data/docker", "/srv/v1.01": "/srv/v1.01", "/data/-1.-1": "/data/-1.-1",
	} {
		assert.Equal(t, PlainRoot(dir), want, dir)
	}
}
