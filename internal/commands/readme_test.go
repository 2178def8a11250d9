package commands

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/verify"
)

const readme = "../../README.md"

var writeDocs = flag.Bool("write-docs", false, "write the parts of README.md that come from the program")

// tables are what README.md has to say between its marks.
func tables() map[string]string {
	var checks, questions strings.Builder
	checks.WriteString("| check | category | what is true when it passes |\n| --- | --- | --- |\n")
	for _, c := range check.All() {
		fmt.Fprintf(&checks, "| `%s` | %s | %s |\n", c.ID, c.Category, c.Title)
	}
	questions.WriteString("| question | category | what is true when it is proven |\n| --- | --- | --- |\n")
	for _, q := range verify.All() {
		fmt.Fprintf(&questions, "| `%s` | %s | %s |\n", q.ID, q.Category, q.Title)
	}
	return map[string]string{"checks": checks.String(), "questions": questions.String()}
}

// TestReadmeHasEveryQuestion holds the tables of checks and questions to the
// program. "make docs" writes them.
func TestReadmeHasEveryQuestion(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for mark, want := range tables() {
		begin, end := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
		before, rest, ok := strings.Cut(string(text), begin)
		table, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("README.md has no marks for the %s", mark)
		}
		if !*writeDocs && table != want {
			t.Errorf("README.md does not say which %s there are: run \"make docs\"", mark)
		}
		text = []byte(before + begin + want + end + after)
	}
	if *writeDocs {
		if err := os.WriteFile(readme, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeHasEveryRule holds the headings that SARIF links to.
func TestReadmeHasEveryRule(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []audit.Rule{audit.UnmappedOwner, audit.RootAlias, audit.UnmappedUser, audit.UnmappedAccount, audit.Owner} {
		if !strings.Contains(string(text), "\n#### "+string(rule)+"\n") {
			t.Errorf("README.md has no heading %q", rule)
		}
	}
}

// TestSecurityNamesTests holds .github/SECURITY.md to tests that there are.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile("../../.github/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	if len(names) == 0 {
		t.Fatal("SECURITY.md names no test")
	}
	var tests strings.Builder
	err = filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
			t.Errorf("SECURITY.md names %s, which is no test", name[1])
		}
	}
}
