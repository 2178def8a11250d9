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

// packages are the packages of the program, the ones that know most first. A
// package imports none that stands before it.
var packages = []string{
	"commands", "render", "hook", "check", "proof", "remap", "verify", "apps", "probe", "ranges", "access", "report", "survey", "grant", "rewrite", "audit", "dockerfile", "image", "layercache", "headers", "unpack", "carry", "tarwalk", "idmap", "dockerd", "daemonjson", "onhost", "host", "sh", "escape",
}

// separate are packages that know nothing of each other, though one stands above the
// other.
var separate = map[string][]string{
	"check": {"proof", "remap"},
	"remap": {"verify", "apps"},
}

// forTests are the packages that only tests, what makes test images, and the reference may use.
var forTests = []string{"imagetest", "testengine", "testbed", "e2e", "schema", "host/hosttest", "probe/probetest", "escape/escapetest", "survey/surveytest"}

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
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil || file.Name.Name == "main" { // what nobody can import
			return err
		}
		seen[pkg] = true
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
		if !slices.Contains(packages, pkg) {
			t.Errorf("internal/%s is missing from the list of packages", pkg)
		}
	}
}

func checkImport(t *testing.T, path, pkg, name string) {
	t.Helper()
	if inner, ok := strings.CutPrefix(name, module+"internal/"); ok && slices.Index(packages, inner) <= slices.Index(packages, pkg) {
		t.Errorf("%s imports internal/%s, which is not below it", path, inner)
	} else if ok && slices.Contains(separate[pkg], inner) {
		t.Errorf("%s imports internal/%s, which internal/%s is to know nothing of", path, inner, pkg)
	}
	if pkg == "commands" {
		return
	}
	if pkg == "render" && name == "github.com/docker/cli/cli/command/formatter" {
		return // writes as docker's own commands do
	}
	for _, outer := range []string{"github.com/spf13/cobra", "github.com/docker/cli/cli/command", "github.com/docker/cli/cli-plugins/plugin"} {
		if name == outer || strings.HasPrefix(name, outer+"/") {
			t.Errorf("%s imports %s, which only internal/commands knows", path, name)
		}
	}
}

// versions are the least that this program may be linked with: what comes before
// has known vulnerabilities.
var versions = map[string]string{
	"go.opentelemetry.io/otel":                          "1.40.0",
	"go.opentelemetry.io/otel/sdk":                      "1.40.0",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace": "1.40.0",
	"golang.org/x/net":                                  "0.53.0",
	"google.golang.org/grpc":                            "1.79.3",
}

// TestVersions holds docker/cli and docker/docker to v28.5.2: from v29 on docker/cli
// hands out another client; ../README.md says what a move to it takes. Others it
// holds above what is known to be vulnerable.
func TestVersions(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]string{}
	for line := range strings.Lines(string(mod)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " v"); ok {
			linked[name], _, _ = strings.Cut(version, " ")
		}
	}
	for _, name := range []string{"github.com/docker/cli", "github.com/docker/docker"} {
		if linked[name] != "28.5.2+incompatible" {
			t.Errorf("go.mod has %s in version %q, not v28.5.2", name, linked[name])
		}
	}
	for name, least := range versions {
		if linked[name] == "" || older(linked[name], least) {
			t.Errorf("go.mod has %s in version %q, not v%s or later", name, linked[name], least)
		}
	}
}

func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}
