package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// module has a package that fails in every way, one that passes, and one that does
// not build.
var module = map[string]string{
	"go.mod": "module m\n\ngo 1.26\n",
	"bad/bad_test.go": `package bad
import ("fmt"; "testing")
func TestGood(t *testing.T) { t.Log("drowning") }
func TestBad(t *testing.T) {
	t.Run("well", func(t *testing.T) { t.Log("drowning") })
	t.Run("ill", func(t *testing.T) { t.Log("seed 42"); t.Error("the reason") })
}
func TestLong(t *testing.T) { for i := range 1000 { fmt.Println("line", i) }; t.Fail() }
func TestLeft(t *testing.T) { t.Skip("needs a moon") }
func TestPanics(t *testing.T) { panic("the panic") }
`,
	"good/good_test.go": `package good
import "testing"
func TestGood(t *testing.T) { t.Log("drowning") }
func TestLeft(t *testing.T) { t.Skip("needs a moon") }
`,
	"broken/broken_test.go": "package broken\nfunc (\n",
}

func reported(t *testing.T, packages ...string) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range module {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	cmd := exec.Command("go", append([]string{"test", "-json"}, packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	said, _ := cmd.Output()
	var out, log bytes.Buffer
	r := report{out: &out, log: &log, tests: map[string]*test{}, skipped: map[string][]string{}}
	assert.NilError(t, r.read(bytes.NewReader(said)))
	well := r.end()
	return regexp.MustCompile(`[0-9.]+s\b|\(cached\)`).ReplaceAllString(out.String(), "TIME"), well
}

// What failed comes first and whole, what passed is not seen, and go test's lines
// end it.
func TestFailuresComeFirst(t *testing.T) {
	text, well := reported(t, "./...")
	assert.Assert(t, !well)
	assert.Assert(t, !strings.Contains(text, "drowning"), text)
	for _, want := range []string{
		"--- FAIL: TestBad/ill (m/bad, TIME)\n    bad_test.go:6: seed 42\n    bad_test.go:6: the reason\n--- FAIL: TestBad (m/bad, TIME)\n--- FAIL: TestLong",
		"line 99\n    ... 800 lines left out; run this test alone to see them\nline 900\n",
		"panic: the panic",
		"broken_test.go:",
		"test: left out, needs a moon: ",
		"\ntest: seed 42\n",
	} {
		assert.Assert(t, strings.Contains(text, want), "%q is missing in:\n%s", want, text)
	}
	_, end, _ := strings.Cut(text, "test: seed 42\n")
	assert.Equal(t, strings.ReplaceAll(end, "FAIL\tm/broken [setup failed]\nFAIL\tm/bad\tTIME\n", "FAIL\tm/bad\tTIME\nFAIL\tm/broken [setup failed]\n"),
		"ok  \tm/good\tTIME\nFAIL\tm/bad\tTIME\nFAIL\tm/broken [setup failed]\nFAIL\n")
}

func TestSuccessIsShort(t *testing.T) {
	text, well := reported(t, "./good")
	assert.Assert(t, well, text)
	assert.Equal(t, text, "test: left out, needs a moon: TestLeft\nok  \tm/good\tTIME\n")
}

// A test that go test did not tell the end of has failed, and so has a run
// without any package.
func TestCutShort(t *testing.T) {
	for in, want := range map[string]string{
		`{"Action":"run","Package":"m","Test":"TestX"}` + "\n" + `{"Action":"output","Package":"m","Test":"TestX","Output":"half a`:                  "--- FAIL: TestX (m, 0.00s)\nit did not end\nFAIL\n",
		`{"Action":"output","Package":"m","Test":"TestX","Output":"WARNING: DATA RACE\n"}` + "\n" + `{"Action":"pass","Package":"m","Test":"TestX"}`: "--- FAIL: TestX (m, 0.00s)\nWARNING: DATA RACE\nFAIL\n",
		"": "FAIL\n",
	} {
		var out, log bytes.Buffer
		r := report{out: &out, log: &log, tests: map[string]*test{}, skipped: map[string][]string{}}
		assert.NilError(t, r.read(strings.NewReader(in)))
		assert.Assert(t, !r.end())
		assert.Equal(t, out.String(), want)
	}
}
