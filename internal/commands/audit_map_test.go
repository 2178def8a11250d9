package commands

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/system"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// withTables fills the tables of a machine.
func withTables(subuid, subgid, passwd string) func(*survey.Facts) {
	return func(f *survey.Facts) {
		addTable(f, "/etc/subuid", strings.NewReader(subuid), nil)
		addTable(f, "/etc/subgid", strings.NewReader(subgid), nil)
		addTable(f, "/etc/passwd", strings.NewReader(passwd), nil)
	}
}

func unreachable(*survey.Facts) {}

func TestMapOfEngine(t *testing.T) {
	own := "alice:100000:65536\ndockremap:165536:1000\ndockremap:300000:70000\n"
	for _, test := range []struct {
		name      string
		root      string
		files     func(*survey.Facts)
		want      string
		wantPlace string
	}{
		{"files that begin there", "/var/lib/docker/165536.165536", withTables(own, own, ""), "0:165536:1000,1000:300000:70000", fromEngine},
		{"another user's files begin there", "/var/lib/docker/100000.100000", withTables(own, own, ""), "0:100000:65536", fromEngine},
		{"edited since", "/var/lib/docker/500000.500000", withTables(own, own, ""), "0:500000:65536", fromRoot},
		{"UIDs and GIDs apart", "/var/lib/docker/165536.200000", withTables(own, "dockremap:200000:5\n", ""), "uid=0:165536:1000,uid=1000:300000:70000,gid=0:200000:5", fromEngine},
		{"by the UID that the engine's host gives", "/var/lib/docker/700000.700000", withTables("4242:700000:9\n", "bob:700000:9\n", "bob:x:4242:4242::/:/bin/sh\n"), "0:700000:9", fromEngine},
		{"by a UID of nobody", "/var/lib/docker/700000.700000", withTables("4242:700000:9\n", "4242:700000:9\n", ""), "0:700000:9", fromEngine},
		{"out of reach", "/var/lib/docker/165536.165536", unreachable, "0:165536:65536", fromRoot},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := mapOfEngine(system.Info{ServerVersion: "28.5.2", DockerRootDir: test.root, SecurityOptions: []string{"name=userns"}}, test.files)
			assert.Check(t, ok)
			assert.Equal(t, got.String(), test.want)
			assert.Equal(t, got.From, test.wantPlace)
		})
	}
}

func TestEngineIsRemapped(t *testing.T) {
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
			_, got := mapOfEngine(system.Info{DockerRootDir: test.root, SecurityOptions: test.security}, unreachable)
			assert.Equal(t, got, test.want)
		})
	}
}

// An engine is not believed that says an ID that there is not.
func TestEngineThatIsNotBelieved(t *testing.T) {
	for _, root := range []string{"/d/4294967296.4294967296", "/d/4294967295.1", "/d/-1.-1", "/d/9223372036854775807.0"} {
		_, ok := mapOfEngine(system.Info{DockerRootDir: root, SecurityOptions: []string{"name=userns"}}, unreachable)
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

func TestMapOfThisMachine(t *testing.T) {
	m, ok := mapOfThisMachine(withTables("dockremap:200000:65536\n", "dockremap:200000:65536\n", ""))
	assert.Assert(t, ok)
	assert.Equal(t, m.String(), "0:200000:65536")
	_, ok = mapOfThisMachine(withTables("alice:200000:65536\n", "alice:200000:65536\n", ""))
	assert.Assert(t, !ok)
}
