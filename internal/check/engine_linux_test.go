package check

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/ranges"
)

// Predictions about broken files are compared with real engines: dockerd of
// this machine, and those of the testbed's trees where it was built. Each is
// started with the files laid over /etc in a mount namespace of its own, as far
// as to its data root.
func TestPredictionsHold(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an engine for each file")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start dockerd with files of its own")
	}
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		t.Skipf("needs a mount namespace: %v", err)
	}
	engines := dockerds(t)
	if len(engines) == 0 {
		t.Skip("needs a dockerd")
	}
	const sound = "dockremap:100000:65536\n"
	for version, argv := range engines {
		for _, tc := range []struct{ name, subuid, subgid, config string }{
			{"sound", sound, sound, ""},
			{"UIDs and GIDs apart", "dockremap:300000:65536\n", sound, ""},
			{"another's line without three fields", "foo:bar\n" + sound, sound, ""},
			{"the same, in subgid", sound, sound + "foo\n", ""},
			{"a start that is no number", "dockremap:abc:65536\n", sound, ""},
			{"a start past 64 bits", "dockremap:99999999999999999999:65536\n", sound, ""},
			{"a comment after the count", "dockremap:100000:65536 # ours\n", sound, ""},
			{"a count of 0", "dockremap:100000:0\n", sound, ""},
			{"a field too many", "dockremap:100000:65536:x\n", sound, ""},
			{"comments and blanks", "# x\n\n#dockremap:1:1\n" + sound, sound, ""},
			{"name before UID", "dockremap:300000:10\n999:400000:65536\n", sound, ""},
			{"no line in subuid", "alice:100000:65536\n", sound, ""},
			{"no line in subgid", sound, "", ""},
			{"a line too long", "#" + strings.Repeat("x", 1<<16) + "\n" + sound, sound, ""},
			{"empty daemon.json", sound, sound, " \n"},
			{"BOM", sound, sound, "\xef\xbb\xbf{}"},
			{"UTF-16", sound, sound, "\xff\xfe{\x00}\x00"},
			{"comment in daemon.json", sound, sound, "{ // x\n}"},
			{"garbage after the object", sound, sound, "{} x"},
			{"an array", sound, sound, "[]"},
			{"null", sound, sound, "null"},
			{"a key twice", sound, sound, `{"debug": true, "debug": false}`},
			{"not UTF-8", sound, sound, "{\"labels\": [\"a=\xff\"]}"},
		} {
			t.Run(version+"/"+tc.name, func(t *testing.T) {
				config := tc.config
				if config == "" {
					config = "{}"
				}
				dir := layout(t, map[string]string{"subuid": tc.subuid, "subgid": tc.subgid, "daemon.json": config})
				suffix, words := start(t, argv, dir)
				assertPredicted(t, version, tc.subuid, tc.subgid, config, suffix, words)
			})
		}
	}
}

// assertPredicted compares suffix and words, of which one is empty, with what
// the packages below say of the same files.
func assertPredicted(t *testing.T, version, subuid, subgid, config, suffix, words string) {
	t.Helper()
	f := remapped()
	f.Engine.Value.Version = version
	f.Config.Value.Data = []byte(config)
	f.Start.Value.Args = []string{"--userns-remap=dockremap"}
	f.SubUID.Value.Data, f.SubGID.Value.Data = []byte(subuid), []byte(subgid)
	in := NewInput(f, Options{})
	checked := statuses(Run(f, Options{}))
	if refusal := daemonjson.Refusal(in.version[0], []byte(config)); refusal != nil {
		assert.Assert(t, strings.Contains(words, refusal.Error()), "predicted %q, the engine said %q", refusal, words)
		assert.Equal(t, checked["config-json"], Error)
		return
	}
	m, refusal, unreadable := ranges.Predict(f, in.remap.Account)
	assert.NilError(t, unreadable)
	switch {
	case refusal != nil:
		assert.Assert(t, strings.Contains(words, refusal.Error()), "predicted %q, the engine said %q", refusal, words)
		assert.Equal(t, checked["subid-map"], Error)
	case m.Suffix() == "-1.-1":
		assert.Assert(t, strings.Contains(words, "restricts access to the remapped root"), "the engine said %q", words)
		assert.Equal(t, checked["subid-map"], Error)
	default:
		assert.Equal(t, words, "")
		assert.Equal(t, suffix, m.Suffix())
	}
}

// dockerds gives the command of each engine by its version.
func dockerds(t *testing.T) map[string][]string {
	t.Helper()
	commands := [][]string{{"dockerd"}}
	cache := os.Getenv("DOCKER_USERNS_TESTBED")
	if cache == "" {
		cache = "/var/cache/docker-userns-testbed"
	}
	trees, err := filepath.Glob(filepath.Join(cache, "trees", "*", "usr/sbin/dockerd"))
	assert.NilError(t, err)
	for _, dockerd := range trees {
		usr := filepath.Dir(filepath.Dir(dockerd))
		loaders, _ := filepath.Glob(filepath.Join(usr, "lib/*/ld-linux-*"))
		for _, loader := range loaders {
			commands = append(commands, []string{loader, "--library-path", filepath.Dir(loader), dockerd})
		}
	}
	found := map[string][]string{}
	for _, argv := range commands {
		out, err := exec.Command(argv[0], append(argv[1:], "--version")...).Output()
		if m := regexp.MustCompile(`Docker version (\S+?),`).FindSubmatch(out); err == nil && m != nil {
			found[string(m[1])] = argv
		}
	}
	return found
}

// layout writes the files that are laid over those of /etc, and gives their
// directory.
func layout(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		assert.NilError(t, os.Chmod(at, 0o755))
	}
	files["passwd"] = "root:x:0:0::/:/bin/sh\ndockremap:x:999:998::/:/bin/false\n"
	files["group"] = "root:x:0:\ndockremap:x:998:\n"
	for name, data := range files {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	return dir
}

// start starts an engine on the files in dir. It gives the name of the remapped
// root once that is made, or what the engine said when it ended.
func start(t *testing.T, argv []string, dir string) (suffix, words string) {
	t.Helper()
	script := `set -e; cd "$1"; shift
for f in passwd group subuid subgid; do mount --bind $f /etc/$f; done
exec "$@"`
	args := append([]string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", dir}, argv...)
	args = append(args, "--userns-remap", "dockremap", "--config-file", filepath.Join(dir, "daemon.json"), "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"), "--containerd", filepath.Join(dir, "none.sock"),
		"-H", "unix://"+filepath.Join(dir, "d.sock"), "--bridge", "none", "--iptables=false")
	var out bytes.Buffer
	cmd := exec.Command("unshare", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	assert.NilError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			assert.Assert(t, err != nil, "the engine ended by itself: %s", out.String())
			return "", lastWords(out.String())
		default:
		}
		if made, _ := filepath.Glob(filepath.Join(dir, "data", "[0-9]*.[0-9]*")); len(made) == 1 {
			suffix = filepath.Base(made[0])
			break
		}
	}
	err := cmd.Process.Kill()
	assert.Assert(t, err == nil || errors.Is(err, os.ErrProcessDone))
	<-ended
	assert.Assert(t, suffix != "", fmt.Sprintf("the engine neither started nor ended: %s", out.String()))
	return suffix, ""
}

func lastWords(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "time=") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
