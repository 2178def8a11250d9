package commands

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/check"
)

const readme = "../../README.md"

var writeDocs = flag.Bool("write-docs", false, "write the parts of README.md that come from the program")

// checkDocs is what README.md has to say between the marks of checks.
func checkDocs() string {
	var b strings.Builder
	b.WriteString("| check | category | what is true when it passes |\n| --- | --- | --- |\n")
	for _, c := range check.All() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.ID, c.Category, c.Title)
	}
	return b.String()
}

// TestReadmeHasEveryCheck holds the table of checks to the program. "make docs"
// writes it.
func TestReadmeHasEveryCheck(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- checks -->\n")
	table, after, ok2 := strings.Cut(rest, "<!-- /checks -->")
	if !ok || !ok2 {
		t.Fatal("README.md has no marks for the checks")
	}
	if *writeDocs {
		text := before + "<!-- checks -->\n" + checkDocs() + "<!-- /checks -->" + after
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != checkDocs() {
		t.Error("README.md does not say which checks there are: run \"make docs\"")
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
