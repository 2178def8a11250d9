package e2e

import (
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

const soundRange = "dockremap:100000:65536\n"

// brokenFiles are files of a host before remap is turned on by hand.
var brokenFiles = []struct{ name, subuid, subgid, value string }{
	{"sound", soundRange, soundRange, "dockremap"},
	{"two ranges in the order of the file", "dockremap:300000:1000\ndockremap:100000:64536\n", soundRange, "dockremap"},
	{"another's line without three fields", "foo:bar\n" + soundRange, soundRange, "dockremap"},
	{"a start that is no number", "dockremap:abc:65536\n", soundRange, "dockremap"},
	{"a comment after the count", "dockremap:100000:65536 # ours\n", soundRange, "dockremap"},
	{"a count of 0", "dockremap:100000:0\n", soundRange, "dockremap"},
	{"comments and blank lines", "# first\n\n#dockremap:1:1\n" + soundRange, soundRange, "dockremap"},
	{"a line for the name before one for the UID", "dockremap:300000:10\nUID:400000:65536\n", soundRange, "dockremap"},
	{"no line in subuid", "alice:100000:65536\n", soundRange, "dockremap"},
	{"no line in subgid", soundRange, "", "dockremap"},
	{"no subuid", "", soundRange, "dockremap"},
	{"CRLF", "dockremap:100000:65536\r\n", soundRange, "dockremap"},
	{"no such account", soundRange, soundRange, "nosuch"},
	{"a UID that nobody has", soundRange, soundRange, "99999"},
	{"an account and no such group", soundRange, soundRange, "dockremap:nosuch"},
	{"three parts", soundRange, soundRange, "a:b:c"},
}

// What is said of broken files before a restart is what each engine then does:
// it comes up with the map that was predicted, or refuses in the words that were.
func TestCheckForesees(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Run(t, "useradd", "--system", "--no-create-home", "--shell", "/bin/false", "dockremap")
		uid := host.Run(t, "id", "-u", "dockremap")
		for _, tc := range brokenFiles {
			t.Run(tc.name, func(t *testing.T) {
				defer func() {
					host.Run(t, "rm", "-f", "/etc/docker/daemon.json")
					suffix, words := restart(t, host)
					assert.Equal(t, suffix+words, "docker", "the host is to be as it was")
				}()
				host.WriteFile(t, "/etc/subuid", []byte(strings.ReplaceAll(tc.subuid, "UID", uid)), 0o644)
				host.WriteFile(t, "/etc/subgid", []byte(tc.subgid), 0o644)
				if tc.name == "no subuid" {
					host.Run(t, "rm", "/etc/subuid")
				}
				host.WriteFile(t, "/etc/docker/daemon.json", []byte(`{"userns-remap": "`+tc.value+`"}`), 0o644)
				foreseen := over(t, host, "root")
				suffix, words := restart(t, host)
				assertForeseen(t, foreseen, suffix, words)
				if suffix == "" {
					assertExplained(t, over(t, host, "root"))
				}
			})
		}
	})
}

// restart gives the last part of the data root's path, or, if the engine does
// not come up, what it said last.
func restart(t *testing.T, host *testbed.Host) (suffix, words string) {
	t.Helper()
	host.Run(t, "systemctl", "stop", "docker.socket", "docker.service")
	host.Shell(t, "systemctl reset-failed docker.service docker.socket 2>/dev/null || true")
	since := host.Run(t, "date", "+%s.%N")
	if host.Command("systemctl", "start", "docker.service").Run() == nil {
		root := host.Docker(t, "--context", "unix", "info", "--format", "{{.DockerRootDir}}")
		return root[strings.LastIndex(root, "/")+1:], ""
	}
	// The journal may get the last words of a process that has ended late, and not know
	// any more which unit it was of.
	host.Run(t, "journalctl", "--sync")
	return "", host.Run(t, "journalctl", "--since=@"+since, "--no-pager", "--output=cat")
}

var quoted = regexp.MustCompile(`(?:would not start: |\): )(.*)`)

// assertForeseen compares what a check said with what the engine did.
func assertForeseen(t *testing.T, j judged, suffix, words string) {
	t.Helper()
	assert.Equal(t, j.of(t, "config-remap").Status, "error", "a restart would turn remap on unguarded")
	account, m := j.of(t, "subid-account"), j.of(t, "subid-map")
	switch {
	case suffix == "0.100000":
		assert.Check(t, m.Status == "error" && strings.Contains(m.Message, "root on the host"), "the engine took root: %s", m.Message)
	case suffix != "":
		uid, gid, _ := strings.Cut(suffix, ".")
		assert.Check(t, m.Status == "ok", "the engine came up with %s: %s", suffix, m.Message)
		assert.Check(t, strings.Contains(m.Message, "UID "+uid+" and GID "+gid+" "), "the engine came up with %s: %s", suffix, m.Message)
	case account.Status == "error":
		said := quoted.FindStringSubmatch(account.Message)
		assert.Assert(t, said != nil, account.Message)
		assert.Check(t, strings.Contains(unescaped(words), said[1]), "foreseen: %s\nthe engine: %s", said[1], words)
	case strings.Contains(words, "restricts access to the remapped root"):
		assert.Check(t, m.Status == "error" && strings.Contains(m.Message, "is empty"), "%s: %s", m.Status, m.Message)
	case j.of(t, "subid-files").Status == "error":
		assert.Check(t, strings.Contains(words, "open /etc/subuid: no such file or directory"), words)
	default:
		assert.Assert(t, m.Status == "error", "the engine did not come up: %s\n%s", m.Message, words)
		said := quoted.FindStringSubmatch(m.Message)
		assert.Assert(t, said != nil, m.Message)
		assert.Check(t, strings.Contains(unescaped(words), said[1]), "foreseen: %s\nthe engine: %s", said[1], words)
	}
}

func unescaped(words string) string { return strings.ReplaceAll(words, `\"`, `"`) }

// assertExplained: of an engine that is down for its files, check names a cause
// besides that it is down.
func assertExplained(t *testing.T, j judged) {
	t.Helper()
	assert.Equal(t, j.of(t, "daemon-answers").Status, "error")
	assert.Check(t, j.of(t, "subid-map").Status != "ok", j.of(t, "subid-map").Message)
	for _, v := range j.Results {
		if (v.Status == "error" || v.Status == "warning") && v.Category == "subordinate IDs" {
			return
		}
	}
	t.Errorf("no cause among %v", j.found("error"))
}
