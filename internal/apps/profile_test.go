package apps

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestRunbookProfile(t *testing.T) {
	p, err := ReadProfile("testdata/runbook.yaml")
	assert.NilError(t, err)
	assert.Equal(t, p.Health[0].Expr.String(), runbookExpr)
	assert.Equal(t, p.Health[0].Timeout, Duration(10*time.Second))
	assert.DeepEqual(t, p.Commands[0].Run, Args{"python3", "-c", "print(6 * 7)"})
	assert.DeepEqual(t, p.Commands[1].Run, Args{"sh", "-c", "echo hello >probe.txt && cat probe.txt && rm probe.txt"})
	assert.Equal(t, len(p.Commands), 5)
	assert.Equal(t, p.Sockets[1].Address.Unix(), "/var/run/proxy/proxy.sock")
	assert.Equal(t, p.Starts.Count, 20)
	assert.NilError(t, bySchema(t, "runbook.yaml"))
}

// refused are profiles with what is said of them. The schema refuses them too,
// but for what it cannot know.
var refused = []struct {
	name, text, want string
	schemaTakes      bool
}{
	{name: "unknown key", text: "version: 1\nhealth:\n- url: http://a\n  exprs: .a\n", want: `line 4: unknown key "exprs"`},
	{name: "unknown key at the top", text: "version: 1\nhealthy: []\n", want: `line 2: unknown key "healthy"`},
	{name: "no version", text: "health: []\n", want: "version is 0"},
	{name: "another version", text: "\nversion: 2\n", want: "line 2: version is 2"},
	{name: "bad duration", text: "version: 1\nhealth:\n- url: http://a\n  timeout: soon\n", want: `line 4: duration "soon"`},
	{name: "number for a duration", text: "version: 1\nstarts:\n  count: 1\n  p95: 30\n", want: `line 4: duration "30"`},
	{name: "negative duration", text: "version: 1\nstarts: {count: 1, p95: -3s}\n", want: `line 2: duration "-3s"`},
	{name: "no duration", text: "version: 1\nstarts: {count: 1, p95: 0s}\n", want: `line 2: duration "0s"`, schemaTakes: true},
	{name: "bad expression", text: "version: 1\nhealth:\n- url: http://a\n  expr: .a ==\n", want: `line 4: expression ".a =="`, schemaTakes: true},
	{name: "unknown function", text: "version: 1\nhealth:\n- url: http://a\n  expr: nosuch(1)\n", want: "line 4: expression", schemaTakes: true},
	{name: "bad pattern", text: "version: 1\ncommands:\n- container: a\n  run: x\n  stdout: '('\n", want: "line 5: error parsing regexp", schemaTakes: true},
	{name: "bad url", text: "version: 1\nhealth:\n- url: localhost:80\n", want: `line 3: reading URL "localhost:80"`},
	{name: "no url", text: "version: 1\nhealth:\n- url: http://a\n- name: b\n", want: "line 4: a health check needs a url"},
	{name: "no run", text: "version: 1\ncommands:\n- container: a\n", want: "line 3: a command needs run"},
	{name: "nothing to run", text: "version: 1\ncommands:\n- container: a\n  run: []\n", want: "line 3: a command needs run"},
	{name: "no place to run", text: "version: 1\ncommands:\n- run: x\n", want: "line 3: a command needs either container or image"},
	{name: "two places to run", text: "version: 1\ncommands:\n- run: x\n  image: a\n  container: a\n", want: "line 3: a command needs either"},
	{name: "bad exit code", text: "version: 1\ncommands:\n- run: x\n  image: a\n  exit: 256\n", want: "line 3: exit code 256"},
	{name: "map to run", text: "version: 1\ncommands:\n- image: a\n  run: {a: b}\n", want: "line 4: a string is expected here"},
	{name: "list of lists to run", text: "version: 1\ncommands:\n- image: a\n  run:\n  - [b]\n", want: "line 5: a seq is not allowed here"},
	{name: "bad socket", text: "version: 1\nsockets:\n- address: proxy\n", want: `line 3: socket "proxy"`},
	{name: "no socket", text: "version: 1\nsockets:\n- name: proxy\n", want: "line 3: a socket needs an address"},
	{name: "tcp from inside", text: "version: 1\nsockets:\n- address: a:1\n  container: b\n", want: "line 3: only a unix socket", schemaTakes: true},
	{name: "no starts", text: "version: 1\nstarts: {p95: 3s}\n", want: "line 2: count of starts is 0"},
	{name: "too many starts", text: "version: 1\nstarts: {count: 100000}\n", want: "line 2: count of starts is 100000"},
	{name: "a list", text: "- version: 1\n", want: "line 1: a seq is not allowed here"},
	{name: "a text", text: "version\n", want: "line 1: a str `version` is not allowed here"},
	{name: "not YAML", text: "version: 1\n\thealth: x\n", want: "line 2:", schemaTakes: true},
	{name: "a key twice", text: "version: 1\nversion: 1\n", want: `mapping key "version" already defined at line 1`, schemaTakes: true},
	{name: "nothing", text: "", want: "it is empty", schemaTakes: true},
	{name: "two documents", text: "version: 1\n---\nversion: 1\n", want: "more than one document", schemaTakes: true},
	{name: "a bomb", text: "version: 1\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nhealth: [*c,*c,*c,*c,*c,*c,*c]\n", want: "line", schemaTakes: true},
	{name: "too much", text: "version: 1\n#" + strings.Repeat("x", maxProfile), want: "longer than 1 MiB", schemaTakes: true},
}

func TestProfilesThatAreRefused(t *testing.T) {
	for _, tc := range refused {
		_, err := ParseProfile([]byte(tc.text))
		assert.Check(t, is.ErrorContains(err, tc.want), tc.name)
		assert.Check(t, err == nil || !strings.Contains(err.Error(), "apps."), "%s: names of Go: %v", tc.name, err)
		if !tc.schemaTakes {
			path := filepath.Join(t.TempDir(), "p.yaml")
			assert.NilError(t, os.WriteFile(path, []byte(tc.text), 0o644))
			assert.Check(t, bySchema(t, path) != nil, "%s: the schema takes it", tc.name)
		}
	}
	_, err := ReadProfile(filepath.Join(t.TempDir(), "none.yaml"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// bySchema says what the published schema has against a profile; names without a
// folder are of testdata.
func bySchema(t *testing.T, path string) error {
	t.Helper()
	if filepath.Base(path) == path {
		path = filepath.Join("testdata", path)
	}
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	var value any
	assert.NilError(t, yaml.Unmarshal(text, &value))
	schema, err := os.ReadFile("profile.schema.json")
	assert.NilError(t, err)
	got, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(value))
	assert.NilError(t, err)
	for _, e := range got.Errors() {
		return schemaError(e.String())
	}
	return nil
}

type schemaError string

func (e schemaError) Error() string { return string(e) }

// The schema has the keys that the program reads, and no other.
func TestSchemaHasTheKeysOfTheProfile(t *testing.T) {
	type object struct {
		Properties           map[string]json.RawMessage `json:"properties"`
		AdditionalProperties *bool                      `json:"additionalProperties"`
	}
	var schema struct {
		object
		Definitions map[string]object `json:"definitions"`
	}
	text, err := os.ReadFile("profile.schema.json")
	assert.NilError(t, err)
	assert.NilError(t, json.Unmarshal(text, &schema))
	for _, tc := range []struct {
		name string
		of   any
		is   object
	}{
		{"profile", Profile{}, schema.object},
		{"health", Health{}, schema.Definitions["health"]},
		{"command", Command{}, schema.Definitions["command"]},
		{"socket", Socket{}, schema.Definitions["socket"]},
		{"starts", Starts{}, schema.Definitions["starts"]},
	} {
		var keys, published []string
		for i := range reflect.TypeOf(tc.of).NumField() {
			keys = append(keys, reflect.TypeOf(tc.of).Field(i).Tag.Get("yaml"))
		}
		for key := range tc.is.Properties {
			published = append(published, key)
		}
		slices.Sort(keys)
		slices.Sort(published)
		assert.Check(t, is.DeepEqual(keys, published), tc.name)
		assert.Check(t, tc.is.AdditionalProperties != nil && !*tc.is.AdditionalProperties, tc.name)
	}
}

// Whatever is in the file, it is read or refused with words.
func FuzzParseProfile(f *testing.F) {
	runbook, err := os.ReadFile("testdata/runbook.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(runbook)
	for _, tc := range refused[:len(refused)-1] {
		f.Add([]byte(tc.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProfile(text)
		if err != nil {
			assert.Assert(t, err.Error() != "")
			return
		}
		assert.Equal(t, p.Version, 1)
		for _, c := range p.Commands {
			assert.Assert(t, len(c.Run) > 0)
		}
		for _, c := range p.Health {
			assert.Assert(t, !c.URL.None())
		}
		for _, s := range p.Sockets {
			assert.Assert(t, !s.Address.None())
		}
	})
}
