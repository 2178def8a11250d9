package commands

import (
	"testing"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker/docker/api/types/system"
	"gotest.tools/v3/assert"
)

func files(subuid, subgid string) *subIDFiles {
	return &subIDFiles{idmap.File{Path: "/etc/subuid", Data: []byte(subuid)}, idmap.File{Path: "/etc/subgid", Data: []byte(subgid)}}
}

func TestMapOfEngine(t *testing.T) {
	own := "alice:100000:65536\ndockremap:165536:1000\ndockremap:300000:70000\n"
	for _, test := range []struct {
		name      string
		root      string
		files     *subIDFiles
		want      string
		wantPlace string
	}{
		{"files that begin there", "/var/lib/docker/165536.165536", files(own, own), "0:165536:1000,1000:300000:70000", fromEngine},
		{"another user's files begin there", "/var/lib/docker/100000.100000", files(own, own), "0:100000:65536", fromEngine},
		{"edited since", "/var/lib/docker/500000.500000", files(own, own), "0:500000:65536", fromRoot},
		{"UIDs and GIDs apart", "/var/lib/docker/165536.200000", files(own, "dockremap:200000:5\n"), "uid=0:165536:1000,uid=1000:300000:70000,gid=0:200000:5", fromEngine},
		{"out of reach", "/var/lib/docker/165536.165536", nil, "0:165536:65536", fromRoot},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := mapOfEngine(system.Info{ServerVersion: "28.5.2", DockerRootDir: test.root, SecurityOptions: []string{"name=userns"}}, test.files)
			assert.Equal(t, got.String(), test.want)
			assert.Equal(t, got.From, test.wantPlace)
		})
	}
}

func TestRemappedRoot(t *testing.T) {
	for _, test := range []struct {
		name, root string
		security   []string
		want       bool
	}{
		{"remapped", "/var/lib/docker/100000.100000", []string{"name=seccomp,profile=builtin", "name=userns"}, true},
		{"not remapped", "/var/lib/docker", []string{"name=seccomp,profile=builtin"}, false},
		{"a folder of that name", "/srv/1.2", nil, false},
		{"no suffix to be seen", "/var/lib/docker", []string{"name=userns"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, got := remappedRoot(system.Info{DockerRootDir: test.root, SecurityOptions: test.security})
			assert.Equal(t, got, test.want)
		})
	}
}

// An engine is not believed that says an ID that there is not.
func TestRemappedRootPast32Bits(t *testing.T) {
	for _, root := range []string{"/d/4294967296.4294967296", "/d/4294967295.1", "/d/-1.-1", "/d/9223372036854775807.0"} {
		_, _, ok := remappedRoot(system.Info{DockerRootDir: root, SecurityOptions: []string{"name=userns"}})
		assert.Assert(t, !ok, root)
	}
}

func TestMapFromFlags(t *testing.T) {
	m, given, err := mapFromFlags(nil, 4294867295)
	assert.NilError(t, err)
	assert.Assert(t, given)
	assert.Equal(t, m.String(), "0:100000:4294867295")
	for _, size := range []int64{4294867296, 4294967295, 1 << 32, 1<<63 - 1, -1} {
		_, given, err = mapFromFlags(nil, size)
		assert.ErrorContains(t, err, "--size ")
		assert.Assert(t, !given)
	}
	_, _, err = mapFromFlags([]string{"0:4294967295:1"}, 0)
	assert.ErrorContains(t, err, "reaches past")
}

func TestMapOfFiles(t *testing.T) {
	m, ok := mapOfFiles(files("dockremap:200000:65536\n", "dockremap:200000:65536\n"))
	assert.Assert(t, ok)
	assert.Equal(t, m.String(), "0:200000:65536")
	_, ok = mapOfFiles(files("alice:200000:65536\n", "alice:200000:65536\n"))
	assert.Assert(t, !ok)
}
