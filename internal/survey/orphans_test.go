package survey

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

func TestOrphans(t *testing.T) {
	id, held := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for name, tc := range map[string]struct {
		init, cgroup string
		want         bool
	}{
		"with systemd":            {"0::/init.scope", "0::/system.slice/docker-" + id + ".scope", true},
		"below it":                {"0::/init.scope", "0::/system.slice/docker-" + id + ".scope/init", true},
		"without systemd":         {"0::/", "0::/docker/" + id, true},
		"of version 1":            {"1:name=systemd:/init.scope", "1:name=systemd:/docker/" + id, true},
		"the host is a container": {"0::/outer/init.scope", "0::/outer/system.slice/docker-" + id + ".scope", true},
		"held":                    {"0::/init.scope", "0::/system.slice/docker-" + held + ".scope", false},
		"a user's own cgroup":     {"0::/init.scope", "0::/user.slice/user-1000.slice/user@1000.service/system.slice/docker-" + id + ".scope", false},
		"a service's own":         {"0::/init.scope", "0::/system.slice/app.service/docker/" + id, false},
		"of another hierarchy":    {"1:name=systemd:/x", "2:pids:/x/docker/" + id, false},
		"a build":                 {"0::/", "0::/docker/buildkit/" + id, false},
		"another name":            {"0::/", "0::/docker/" + id + "0", false},
		"podman":                  {"0::/", "0::/machine.slice/libpod-" + id + ".scope", false},
		"no line":                 {"0::/", "docker/" + id, false},
	} {
		l := seeing(map[int]string{7: "dockerd"}, nil, nil)
		l.engine = &Engine{DataRoot: "/var/lib/docker"}
		l.seen.Lines = map[string]host.Text{
			cgroups: {Files: map[string][]string{"/proc/1/cgroup": {tc.init}, "/proc/50/cgroup": {"9:x:/", tc.cgroup}}},
			names:   {Files: map[string][]string{"/proc/40/status": {"Name:\t" + shimName, "Uid:\t0\t0\t0\t0"}}},
		}
		l.seen.Links["/proc/40/cwd"] = host.Targets{"/proc/40/cwd": "/run/x/moby/" + held}
		got := l.orphans()
		assert.Equal(t, len(got) == 1 && got[0].id == id && got[0].pids[0] == 50, tc.want, "%s: %v", name, got)
		assert.Check(t, tc.want || len(got) == 0, name)
	}
}
