package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dockerCommand is a command of docker that depends on the engine it is sent to.
var dockerCommand = regexp.MustCompile(`docker (userns (check|enable|disable|verify|audit-image)|info|version|system|swarm|ps|start|stop|rm|rmi|logs|exec|run|pull|load|inspect|volume|network)\b`)

// aboutNoEngine are texts that name such a command and are not typed as they stand:
// help of the program, and what no engine is asked for.
var aboutNoEngine = []string{
	"Usage:  docker userns ", "'docker userns audit-image' requires", "Run 'docker userns ", "'docker userns check --list'",
	"'docker userns enable', or was changed since", "no docker exec", "each docker exec",
}

// Every command of docker that is printed is written by report.Docker, so that it
// carries the context: none stands in a text as it is.
func TestPrintedCommandsCarryTheContext(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !shipped(path) {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec: // help
				name := n.Names[0].Name
				return !strings.HasSuffix(name, "Long") && !strings.HasSuffix(name, "Example") && !strings.HasSuffix(name, "Help")
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				return key == nil || key.Name != "Example"
			case *ast.BasicLit:
				if found := dockerCommand.FindString(n.Value); found != "" && !allowed(n.Value) {
					t.Errorf("%s: %q does not say which engine it goes to", files.Position(n.Pos()), found)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shipped leaves out packages for tests.
func shipped(path string) bool {
	for _, pkg := range forTests {
		if strings.HasPrefix(filepath.ToSlash(path), "../"+pkg+"/") {
			return false
		}
	}
	return true
}

func allowed(text string) bool {
	for _, part := range aboutNoEngine {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
