package remap

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// eachShell runs a test in a world of each shell.
func eachShell(t *testing.T, test func(t *testing.T, w *world)) {
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, shell))
		})
	}
}

func TestScriptChangesLines(t *testing.T) {
	big := strings.Repeat("someone:100000:65536\n", 5000)
	tests := []struct{ name, verb, before, line, after string }{
		{"to nothing", "add", "missing", "a:1:2", "a:1:2\n"},
		{"to an empty file", "add", "", "a:1:2", "a:1:2\n"},
		{"after others", "add", "b:1:2\n", "a:1:2", "b:1:2\na:1:2\n"},
		{"after a line without its end", "add", "b:1:2", "a:1:2", "b:1:2\na:1:2\n"},
		{"there already", "add", "a:1:2\nb:1:2\n", "a:1:2", "a:1:2\nb:1:2\n"},
		{"like the end of another", "add", "aa:1:2\n", "a:1:2", "aa:1:2\na:1:2\n"},
		{"odd bytes stay", "add", "\x81\x88\\n%s$x`\r\n\n x\x7f", "a:1:2", "\x81\x88\\n%s$x`\r\n\n x\x7f\na:1:2\n"},
		{"out of many", "drop", big + "a:1:2\n" + big, "a:1:2", big + big},
		{"the last without its end", "drop", "b:1:2\na:1:2", "a:1:2", "b:1:2\n"},
		{"missing", "drop", "aa:1:2\na:1:22\n", "a:1:2", "aa:1:2\na:1:22\n"},
		{"among odd bytes", "drop", "\x81\\n%s$x`\r\n\na:1:2\n x\x7f", "a:1:2", "\x81\\n%s$x`\r\n\n x\x7f"},
		{"from nothing", "drop", "missing", "a:1:2", "missing"},
	}
	eachShell(t, func(t *testing.T, w *world) {
		c := Change{ID: testID}
		w.install(t, c)
		for _, test := range tests {
			os.Remove(w.path("etc/subuid"))
			mode := os.FileMode(0o644)
			if test.before != "missing" {
				mode = 0o604
				w.write(t, "/etc/subuid", test.before)
				assert.NilError(t, os.Chmod(w.path("etc/subuid"), mode))
				assert.NilError(t, os.Chown(w.path("etc/subuid"), 12, 34))
			}
			code, said := w.verb(c, test.verb, "/etc/subuid", test.line)
			assert.Equal(t, code, 0, "%s: %s", test.name, said)
			got, err := os.ReadFile(w.path("etc/subuid"))
			if test.after == "missing" {
				assert.Assert(t, os.IsNotExist(err))
				continue
			}
			assert.Equal(t, string(got), test.after, test.name)
			info, _ := os.Stat(w.path("etc/subuid"))
			assert.Equal(t, info.Mode(), mode, test.name)
			assert.Equal(t, info.Sys().(*syscall.Stat_t).Uid == 12, test.before != "missing", test.name)
		}
		for _, bad := range [][]string{{"add", "/etc/passwd", "a:1:2"}, {"add", "/etc/subuid", "a\nb"}, {"add", "/etc/subuid"}, {"arm", "x"}, {"arm"}, {"nothing"}, {}} {
			code, said := w.verb(c, bad...)
			assert.Equal(t, code, 2, "%s: %s", bad, said)
		}
	})
}

// The lock of the shadow tools is respected while its process lives.
func TestScriptRespectsShadowLocks(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := Change{ID: testID}
		w.install(t, c)
		w.write(t, "/etc/subuid", "")
		w.write(t, "/etc/subuid.lock", fmt.Sprintf("%d\x00", 1<<22-1)) // no such process
		w.write(t, "/etc/subuid.20240101", "their backup")
		w.write(t, "/etc/subuid.docker-userns-"+testID+".4194303", "")
		code, said := w.verb(c, "add", "/etc/subuid", "a:1:2")
		assert.Equal(t, code, 0, said)
		w.write(t, "/etc/subuid.lock", fmt.Sprintf("%d\x00", os.Getpid()))
		time.AfterFunc(2*time.Second, func() { os.Remove(w.path("etc/subuid.lock")) })
		code, said = w.verb(c, "add", "/etc/subuid", "b:1:2")
		assert.Equal(t, code, 0, said)
		left, err := os.ReadDir(w.path("etc"))
		assert.NilError(t, err)
		var names []string
		for _, entry := range left {
			names = append(names, entry.Name())
		}
		assert.DeepEqual(t, names, []string{"docker", "subuid", "subuid.20240101", "systemd"})
	})
}

// Seeds are printed, and REMAP_SEED repeats one. REMAP_ROUNDS are how many.
func TestScriptIsKilledAnywhere(t *testing.T) {
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("REMAP_ROUNDS")); err == nil {
		rounds = n
	}
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			for range rounds {
				seed := rand.Uint64()
				if s := os.Getenv("REMAP_SEED"); s != "" {
					seed, _ = strconv.ParseUint(s, 10, 64)
				}
				if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { newStory(t, shell, seed).tell(t) }) {
					return
				}
			}
		})
	}
}
