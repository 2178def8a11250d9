package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// A remapped host is judged as what it is: sound or not, and whether it would
// come up again as it is. It is broken in one way after the other.
func TestCheckRemappedHost(t *testing.T) {
	const sound = "dockremap:100000:65536\n"
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		host.Busybox(t, "bb")
		host.Docker(t, "--context", "unix", "run", "-d", "--network=none", "--name=sleeper", "bb", "sleep", "1000")
		before := state(t, host)
		for _, user := range []string{"root", "opnp"} {
			j := over(t, host, user)
			assert.Equal(t, j.code, 0, "%v", j.found("error"))
			assert.Equal(t, len(j.found("warning"))+len(j.found("unknown")), 0, "%v %v", j.found("warning"), j.found("unknown"))
			assert.Assert(t, strings.Contains(j.of(t, "subid-map").Message, "UID 100000 and GID 100000"))
		}
		for _, tc := range []struct {
			name, subuid, id, want, message string
		}{
			{"the range was moved", "dockremap:300000:65536\n", "subid-map", "error", "300000.100000 instead of 100000.100000"},
			{"the range is gone", "", "subid-map", "error", `no subuid ranges found for user "dockremap"`},
			{"another has it too", "alice:100000:65536\n" + sound, "subid-overlap", "error", "another owner"},
			{"another has a part of it", sound + "alice:165535:2\n", "subid-overlap", "error", "another owner"},
			{"it takes in an account's ID", sound + "dockremap:1000:1\n", "subid-accounts", "error", "accounts of the host"},
			{"it overlaps itself", sound + sound, "subid-overlap", "error", "no container does"},
			{"it is too small", "dockremap:100000:1000\n", "subid-size", "warning", "1000 UIDs and 65536 GIDs"},
		} {
			host.WriteFile(t, "/etc/subuid", []byte(tc.subuid), 0o644)
			j := over(t, host, "root")
			v := j.of(t, tc.id)
			assert.Check(t, v.Status == tc.want && strings.Contains(v.Message, tc.message), "%s: %s is %s: %s", tc.name, tc.id, v.Status, v.Message)
			assert.Check(t, j.code == 1 || tc.want == "warning", "%s: exit code %d", tc.name, j.code)
			assert.Check(t, j.of(t, "config-remap").Status == "ok", tc.name)
		}
		host.WriteFile(t, "/etc/subuid", []byte(sound), 0o644)
		host.WriteFile(t, "/etc/docker/daemon.json", []byte("{}\n"), 0o644)
		v := over(t, host, "root").of(t, "config-remap")
		assert.Check(t, v.Status == "error" && strings.Contains(v.Message, "remap would be off"), v.Message)
		host.WriteFile(t, "/etc/docker/daemon.json", []byte(`{"userns-remap": "dockremap"}`+"\n"), 0o644)
		assert.Equal(t, over(t, host, "root").code, 0)
		assert.DeepEqual(t, state(t, host), before)
	})
}

// Without a daemon the host is looked at all the same.
func TestCheckWithoutDaemon(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		install(t, host)
		sound := over(t, host, "root")
		host.Run(t, "systemctl", "stop", "docker.socket", "docker.service")
		for name, j := range map[string]judged{
			"root over ssh": over(t, host, "root"), "root on the host": on(t, host, "root"), "opnp on the host": on(t, host, "opnp"),
		} {
			assert.Equal(t, j.code, 1, name)
			v := j.of(t, "daemon-answers")
			assert.Assert(t, v.Status == "error" && strings.Contains(v.Message, "does not answer"), "%s: %s: %s", name, v.Status, v.Message)
			assert.Assert(t, len(v.Fix) > 0 && strings.Contains(v.Fix[0], "docker.service"), "%s: %v", name, v.Fix)
			for _, v := range j.Results {
				switch v.Category {
				case "subordinate IDs", "daemon.json", "kernel and host":
					told := v.Status == sound.of(t, v.ID).Status
					assert.Check(t, told || v.Status == "skipped" || v.Status == "unknown", "%s: %s is %s: %s", name, v.ID, v.Status, v.Message)
				}
			}
			for _, id := range []string{"host-access", "service-manager", "service-config", "kernel-userns", "subid-files", "subid-map", "subid-free", "config-file", "data-root-path"} {
				assert.Check(t, j.of(t, id).Status == "ok", "%s: %s is %s: %s", name, id, j.of(t, id).Status, j.of(t, id).Message)
			}
			assert.Check(t, j.of(t, "service-state").Status == "error", "%s: %s", name, j.of(t, "service-state").Message)
		}
		table := docker(t, host, nil, "--context", "root", "userns", "check")
		assert.Equal(t, table.code, 1)
		assert.Assert(t, strings.Contains(table.stdout, "does not answer"), table.stdout)
		assert.Equal(t, host.Shell(t, "systemctl is-active docker.service docker.socket || true"), "inactive\ninactive", "check started the daemon")
	})
}
