package commands

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/docker-userns/docker-userns/"

// house are the packages of the program, the ones that know most first. A
// package imports none that stands before it.
var house = []string{
	"commands", "check", "remap", "verify", "ranges", "access", "report", "survey", "audit", "dockerfile", "image", "tarwalk", "idmap", "daemonjson", "host", "escape",
}

// forTests are the packages that only tests, and what makes test images, may use.
var forTests = []string{"imagetest", "testengine", "testbed", "e2e", "host/hosttest", "escape/escapetest"}

func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), ".."+string(filepath.Separator)))
		if slices.Contains(forTests, pkg) || pkg == ".." || strings.Contains(pkg, "testdata") {
			return nil
		}
		seen[pkg] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imported := range file.Imports {
			name, _ := strconv.Unquote(imported.Path.Value)
			checkImport(t, path, pkg, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range seen {
		if !slices.Contains(house, pkg) {
			t.Errorf("internal/%s has no place in the house", pkg)
		}
	}
}

func checkImport(t *testing.T, path, pkg, name string) {
	t.Helper()
	if inner, ok := strings.CutPrefix(name, module+"internal/"); ok && slices.Index(house, inner) <= slices.Index(house, pkg) {
		t.Errorf("%s imports internal/%s, which is not below it", path, inner)
	}
	if pkg == "commands" {
		return
	}
	for _, outer := range []string{"github.com/spf13/cobra", "github.com/docker/cli/cli/command", "github.com/docker/cli/cli-plugins/plugin"} {
		if name == outer || strings.HasPrefix(name, outer+"/") {
			t.Errorf("%s imports %s, which only internal/commands knows", path, name)
		}
	}
}

// TestDockerCLI holds docker/cli to v28: from v29 on it hands out another
// client, which does not talk to engines before 25.
func TestDockerCLI(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"github.com/docker/cli v28.", "github.com/docker/docker v28."} {
		if !strings.Contains(string(mod), "\t"+line) {
			t.Errorf("go.mod does not ask for %s*", line)
		}
	}
}
