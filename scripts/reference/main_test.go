package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/commands"
	"github.com/docker-userns/docker-userns/internal/verify"
	"go.yaml.in/yaml/v3"
	"gotest.tools/v3/assert"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

const root = "../.."

// The pages and README.md are as the program is now.
func TestDocumentsAreCurrent(t *testing.T) {
	all, err := documents(root)
	assert.NilError(t, err)
	assert.Equal(t, len(all), 11) // README.md, the pages of docker userns and its verbs, and four schemas
	for path, want := range all {
		is, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || string(is) != want {
			t.Errorf("%s is not what the program says (%v): run \"make docs\"", path, err)
		}
	}
}

// Every check and rule has a heading with an explanation in the page of its verb, and
// no heading is of one that does not exist. SARIF links to those of rules.
func TestPagesExplain(t *testing.T) {
	var questions, rules []string
	for _, q := range verify.All() {
		questions = append(questions, q.ID)
	}
	for _, r := range []audit.Rule{audit.UnmappedOwner, audit.RootAlias, audit.UnmappedUser, audit.RefusedLayer, audit.UnmappedAccount, audit.Owner} {
		rules = append(rules, string(r))
	}
	assert.DeepEqual(t, explained(t, "userns_check.md"), check.IDs())
	assert.DeepEqual(t, explained(t, "userns_audit-image.md"), rules)
	for _, id := range explained(t, "userns_verify.md") {
		assert.Check(t, slices.Contains(questions, id), id)
	}
}

var heading = regexp.MustCompile(`(?m)^#### (.*)\n(.*)\n`)

// explained are the IDs that have a heading in a page, with text below it.
func explained(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, folder, page))
	assert.NilError(t, err)
	var ids []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		ids = append(ids, m[1])
		assert.Check(t, len(m[2]) > 10, "%s says nothing of %s", page, m[1])
	}
	return ids
}

var console = regexp.MustCompile("(?s)```console\n(.*?)```")

// Every command line of the documents is one that the program takes.
func TestExamplesParse(t *testing.T) {
	all, err := documents(root)
	assert.NilError(t, err)
	seen := 0
	for path, text := range all {
		for _, block := range console.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					seen++
					parses(t, path, command)
				}
			}
		}
	}
	for _, cmd := range commands.Tree().Commands()[0].Commands() {
		for line := range strings.Lines(cmd.Example) {
			seen++
			parses(t, "the help of "+cmd.Name(), line)
		}
	}
	assert.Assert(t, seen > 40, "%d examples", seen)
}

// parses holds those commands of a line that are ours to the verbs and flags that
// there are.
func parses(t *testing.T, place, line string) {
	t.Helper()
	script, err := syntax.NewParser().Parse(strings.NewReader(line), place)
	assert.NilError(t, err, line)
	found := false
	syntax.Walk(script, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok {
			return true
		}
		words, err := expand.Fields(nil, call.Args...)
		assert.NilError(t, err, line)
		if at := slices.Index(words, "userns"); at >= 0 {
			found = true
			verb, rest, err := commands.Tree().Commands()[0].Find(words[at+1:])
			assert.NilError(t, err, line)
			assert.NilError(t, verb.ParseFlags(rest), "%s: %s", place, line)
		}
		return true
	})
	assert.Assert(t, found, "%s: no docker userns in %s", place, line)
}

// README.md is for those who see the project for the first time.
func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Count(string(text), "\n") <= 250)
}

// Every variable of the Ansible role is declared, and explained in its README.
func TestRoleIsExplained(t *testing.T) {
	dir := filepath.Join(root, "scripts/ansible")
	var defaults map[string]any
	var declared struct {
		Specs map[string]struct{ Options map[string]any } `yaml:"argument_specs"`
	}
	for file, into := range map[string]any{"defaults/main.yml": &defaults, "meta/argument_specs.yml": &declared} {
		text, err := os.ReadFile(filepath.Join(dir, "roles/userns_remap", file))
		assert.NilError(t, err)
		assert.NilError(t, yaml.Unmarshal(text, into))
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	assert.NilError(t, err)
	options := map[string]any{}
	for entry, spec := range declared.Specs {
		assert.Check(t, strings.Contains(string(readme), "| `"+entry+"` |"), entry)
		maps.Copy(options, spec.Options)
	}
	assert.DeepEqual(t, slices.Sorted(maps.Keys(options)), slices.Sorted(maps.Keys(defaults)))
	for name := range defaults {
		assert.Check(t, strings.Contains(string(readme), "| `"+name+"` |"), name)
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

// Every link to a file of the project leads to one, and to a heading that it has.
func TestLinks(t *testing.T) {
	all, err := documents(root)
	assert.NilError(t, err)
	for path, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, heading, _ := strings.Cut(m[1], "#")
			if target == "" {
				target = filepath.Base(path)
			}
			there, err := os.ReadFile(filepath.Join(root, filepath.Dir(path), target))
			if err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			} else if heading != "" && !slices.Contains(anchors(string(there)), heading) {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

// anchors are the names that GitHub gives the headings of a document.
func anchors(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			all = append(all, strings.ReplaceAll(title, " ", "-"))
		}
	}
	return all
}

// A page for every command, with every flag and the exit codes, in a form that man
// can show.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	assert.NilError(t, writeManual(root, dir, "1.2.3"))
	for _, cmd := range commands.Tree().Commands()[0].Commands() {
		path := filepath.Join(dir, "docker-userns-"+cmd.Name()+".1")
		text, err := os.ReadFile(path)
		assert.NilError(t, err)
		for _, want := range []string{".SH OPTIONS", ".SH EXIT STATUS", "Nov 2023", "docker-userns 1.2.3"} {
			assert.Assert(t, strings.Contains(string(text), want), "%s has no %s", path, want)
		}
		if _, err := exec.LookPath("man"); err != nil {
			continue
		}
		shown, err := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", path).CombinedOutput()
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(shown), "--"), string(shown))
		assert.Assert(t, !strings.Contains(string(shown), "warning:"), string(shown))
	}
}

// The scripts ask the program itself.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, writeCompletion(dir))
	for _, name := range []string{"docker-userns.bash", "_docker-userns", "docker-userns.fish"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(text), "__complete"), name)
	}
}

func TestMarks(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"<!-- nothing -->\n<!-- /nothing -->\n", "nothing is called"},
		{"<!-- checks -->\n", "<!-- /checks --> is missing"},
		{"<!-- file none -->\n<!-- /file -->\n", "no such file"},
		{"<!-- transcript README.md -->\n<!-- /transcript -->\n", "write GOLDEN: COMMAND"},
		{"<!-- keys internal/apps/profile.schema.json none -->\n<!-- /keys -->\n", "no such definition"},
	} {
		_, err := filled(root, "x.md", tc.text)
		assert.ErrorContains(t, err, tc.want)
	}
	got, err := filled(root, "x.md", "a\n<!-- file go.mod -->\nold\n<!-- /file -->\nb\n")
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(got, "a\n<!-- file go.mod -->\n```mod\nmodule ") && strings.HasSuffix(got, "```\n<!-- /file -->\nb\n"), got)
}
