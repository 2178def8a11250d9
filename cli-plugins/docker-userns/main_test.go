package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/rogpeppe/go-internal/testscript"
	"gotest.tools/v3/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"docker-userns": main})
}

// TestScripts runs the stories in testdata/script: what a user types, and what
// comes of it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               installPlugin,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": exitCode, "golden": goldenOutput, "image": makeImage},
	})
}

// installPlugin puts the program where the docker CLI looks for plugins, in an
// empty home. The engine is one that does not answer.
func installPlugin(env *testscript.Env) error {
	self, err := exec.LookPath("docker-userns")
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	plugins := filepath.Join(home, ".docker", "cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "none.sock"))
	env.Setenv("LANG", "C.UTF-8")
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	env.Setenv("PROJECT", root)
	return os.Symlink(self, filepath.Join(plugins, "docker-userns"))
}

// exitCode is "code N PROGRAM ARGS…": it runs the program, and fails where its
// exit code is another.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGS…")
	}
	var exit *exec.ExitError
	got := 0
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, not %s", got, args[0])
	}
}

// goldenOutput is "golden NAME [json]": it holds what was printed last to a file of
// testdata/golden, which -update writes. JSON is indented.
func goldenOutput(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("stdout")
	if len(args) == 2 && args[1] == "json" {
		var b bytes.Buffer
		ts.Check(json.Indent(&b, []byte(text), "", "  "))
		text = b.String()
	} else if len(args) != 1 {
		ts.Fatalf("usage: golden NAME [json]")
	}
	if r := golden.String(text, filepath.Join("golden", args[0]+".golden"))(); !r.Success() {
		ts.Fatalf("%s", r.(interface{ FailureMessage() string }).FailureMessage())
	}
}

// makeImage is "image ARCHIVE TEXT": it makes an image from a text with a line
// for its tag, one for its user, and one for each instruction, with the files
// that it makes below it, as NAME UID:GID [BODY].
func makeImage(ts *testscript.TestScript, _ bool, args []string) {
	var tag, user string
	var steps []imagetest.Step
	var files []imagetest.File
	flush := func() {
		if len(files) > 0 {
			steps[len(steps)-1].Layer = imagetest.Layer(files...)
		}
		files = nil
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "tag":
			tag = unescaped(ts, words[1])
		case words[0] == "user":
			user = unescaped(ts, words[1])
		case strings.HasPrefix(line, " "):
			files = append(files, file(ts, words))
		default:
			flush()
			steps = append(steps, imagetest.Step{By: unescaped(ts, line)})
		}
	}
	flush()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), imagetest.Archive(tag, user, steps...), 0o644))
}

func file(ts *testscript.TestScript, words []string) imagetest.File {
	uid, gid, _ := strings.Cut(words[1], ":")
	f := imagetest.File{Name: unescaped(ts, words[0])}
	var err error
	f.UID, err = strconv.Atoi(uid)
	ts.Check(err)
	f.GID, err = strconv.Atoi(gid)
	ts.Check(err)
	if len(words) > 2 {
		f.Body = unescaped(ts, words[2])
	}
	return f
}

// unescaped turns \n and \x1b into what they stand for.
func unescaped(ts *testscript.TestScript, s string) string {
	s, err := strconv.Unquote(`"` + s + `"`)
	ts.Check(err)
	return s
}
