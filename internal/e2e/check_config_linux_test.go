package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

const daemonJSON = "/etc/docker/daemon.json"

// brokenConfigs are written by a script, in the place of daemon.json. loads
// reports whether an engine comes up with them, "": all, "no": none, else those
// that do.
var brokenConfigs = []struct{ name, script, id, loads string }{
	{"comment", `printf '{ // why\n"debug": true }' >$F`, "config-json", "no"},
	{"trailing comma", `printf '{"debug": true,}' >$F`, "config-json", "no"},
	{"unknown key", `echo '{"frobnicate": true}' >$F`, "", "no"},
	{"key in other letters", `echo '{"Userns-Remap": "dockremap"}' >$F`, "config-keys", "no"},
	{"key twice", `echo '{"debug": true, "debug": false}' >$F`, "config-json", ""},
	{"BOM", `printf '\357\273\277{"debug": true}' >$F`, "config-json", "26.1 28.5 29"},
	{"CRLF", `printf '{\r\n"debug": true\r\n}\r\n' >$F`, "", ""},
	{"empty", `: >$F`, "config-json", "26.1 28.5 29"},
	{"array", `echo '[]' >$F`, "config-json", "no"},
	{"garbage after it", `echo '{} x' >$F`, "config-json", "20.10"},
	{"also a flag", `echo '{"userns-remap": "dockremap"}' >$F
		mkdir -p /etc/systemd/system/docker.service.d
		printf '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock --userns-remap=dockremap\n' >$D
		systemctl daemon-reload`, "config-flags", "no"},
	{"symlink", `echo '{}' >/srv/elsewhere.json; ln -s /srv/elsewhere.json $F`, "config-file", ""},
	{"directory", `mkdir $F`, "config-file", "no"},
}

// What is said of a daemon.json before a restart is what the engine does, and a
// file that only this program refuses to edit is named too.
func TestCheckBrokenConfig(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Run(t, "useradd", "--system", "--no-create-home", "--shell", "/bin/false", "dockremap")
		for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
			host.WriteFile(t, path, []byte(soundRange), 0o644)
		}
		for _, tc := range brokenConfigs {
			t.Run(tc.name, func(t *testing.T) {
				defer func() {
					inPlace(t, host, `rm -rf $F $D; systemctl daemon-reload`)
					suffix, words := restart(t, host)
					assert.Equal(t, suffix+words, "docker", "the host is to be as it was")
				}()
				inPlace(t, host, `mkdir -p /etc/docker; rm -rf $F; `+tc.script)
				running := over(t, host, "root")
				suffix, words := restart(t, host)
				comes := suffix != ""
				assert.Equal(t, comes, tc.loads == "" || strings.Contains(tc.loads, host.Engine.Version()), "what the table says of this engine: %s", words)
				if tc.id == "" {
					return
				}
				v := running.of(t, tc.id)
				if tc.name == "also a flag" && v.Status == "ok" { // the engine that runs has no such flag yet
					v = over(t, host, "root").of(t, tc.id)
				}
				want := "error"
				if tc.name == "empty" && comes { // nothing to edit, and nothing lost
					want = "ok"
				}
				assert.Check(t, v.Status == want, "%s: %s", v.Status, v.Message)
				assert.Check(t, strings.Contains(v.Message, daemonJSON) || len(v.Details) > 0, v.Message)
			})
		}
	})
}

// inPlace runs a script that knows the files as $F and $D.
func inPlace(t *testing.T, host *testbed.Host, script string) {
	t.Helper()
	host.Shell(t, "F="+daemonJSON+" D=/etc/systemd/system/docker.service.d/zz.conf; "+script)
}

// Files that are none, or far too large, are named, not read: a check neither
// hangs nor fills its memory.
func TestCheckHostileFiles(t *testing.T) {
	host := boot(t, testbed.Engine28)
	install(t, host)
	looks := map[string]func() judged{
		"over ssh":     func() judged { return over(t, host, "root") },
		"on the host":  func() judged { return on(t, host, "root") },
		"through sudo": func() judged { return on(t, host, "opnp") },
	}
	for _, tc := range []struct{ name, script, id, message string }{
		{"fifo", `mkfifo $F`, "config-file", "a fifo"},
		{"device", `ln -s /dev/zero $F`, "config-file", ""},
		{"100 MB", `head -c 100000000 /dev/zero >$F`, "config-file", "daemon.json"},
		{"loop of links", `ln -s daemon.json $F`, "config-file", ""},
		{"subuid of 10 MB", `yes x:1:1 | head -c 10485760 >/etc/subuid`, "subid-files", "MiB, which no table"},
		{"subgid is a fifo", `echo >/etc/subuid; rm /etc/subgid; mkfifo /etc/subgid`, "subid-files", "/etc/subgid"},
		{"subuid is NULs", `rm /etc/subgid; echo >/etc/subgid; head -c 1000 /dev/zero >/etc/subuid`, "subid-lines", "malformed"},
	} {
		inPlace(t, host, `mkdir -p /etc/docker; rm -f $F; `+tc.script)
		for from, look := range looks {
			v := look().of(t, tc.id)
			told := v.Status == "error" || v.Status == "unknown" || v.Status == "warning"
			assert.Check(t, told && strings.Contains(v.Message, tc.message), "%s, %s: %s: %s", tc.name, from, v.Status, v.Message)
		}
	}
}
