package remap

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/sh"
)

const testID = "20261122T210203Z"

// Whatever a path or a text contains, the script has it unchanged, and stays valid.
func TestScriptQuotes(t *testing.T) {
	odd := []string{"", "it's", "'", "''\n'", "$x `y` \\n \"z\"", "\r\n\t\x01\x7f", "\xc3\x81\x81\x88\xff", "-n", "%s\\"}
	found := false
	for _, name := range []string{"sh", "dash", "bash", "busybox"} {
		shell := []string{name}
		if name == "busybox" {
			shell = append(shell, "sh")
		}
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		found = true
		for _, text := range odd {
			out, err := exec.Command(shell[0], append(shell[1:], "-c", "printf %s "+sh.Quote(text))...).Output()
			assert.NilError(t, err, "%s: %q", name, text)
			assert.Equal(t, string(out), text, name)
		}
		c := Change{ID: testID, Unit: "docker.service", Running: odd, DataRoot: odd[4]}
		for _, text := range odd {
			c.Tables = append(c.Tables, File{Path: "/" + text, Added: text})
		}
		file := filepath.Join(t.TempDir(), "change.sh")
		assert.NilError(t, os.WriteFile(file, c.Script(), 0o600))
		out, err := exec.Command(shell[0], append(shell[1:], "-n", file)...).CombinedOutput()
		assert.NilError(t, err, "%s: %s", name, out)
	}
	if !found {
		t.Skip("no POSIX shell")
	}
}
