package imagetest_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/rogpeppe/go-internal/txtar"
	"gotest.tools/v3/assert"
)

// allCures has every Dockerfile of testdata/cures tried, not only a sample.
var allCures = os.Getenv("TEST_ALL") != ""

// TestCures builds the Dockerfiles of testdata/cures with each builder, and audits the images. It
// writes the cures into the Dockerfiles, as a diff of the Dockerfile and as they
// are known from the image's history alone, and builds them again. The audit must
// find nothing then, and a check that passed in the first image must pass in the
// second: the program can still read and write what it could.
func TestCures(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images, left out with -short")
	}
	all := startBuilders(t)
	files, err := filepath.Glob("testdata/cures/*.txt")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 0)
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			for _, c := range readCures(t, all, file) {
				t.Run(c.name+"/"+c.builder.name, func(t *testing.T) {
					t.Parallel()
					c.run(t)
				})
			}
		}
	})
}

// cureCase is a Dockerfile, and how its image is checked.
type cureCase struct {
	builder    *builder
	name       string
	dockerfile string
	base       string // a Dockerfile of the image "lower", "" for none
	check      string
	args       []string // NAME=VALUE
	files      map[string]string
	history    bool // cures from history alone are tried too
}

// readCures gives a case for each builder that a file is for: for all but those that its line "not:"
// has, or for those of its line "only:". Without TEST_ALL it is for the one of its line "sample:".
func readCures(t *testing.T, all []*builder, file string) (cases []cureCase) {
	t.Helper()
	c, lines := readCure(t, file)
	for _, b := range all {
		wanted := !slices.Contains(strings.Fields(lines["not"]), b.name)
		switch only, ok := lines["only"]; {
		case !allCures:
			wanted = lines["sample"] == b.name
		case ok:
			wanted = slices.Contains(strings.Fields(only), b.name)
		}
		if wanted {
			cases = append(cases, c.by(b))
		}
	}
	return cases
}

// by is the case with a builder.
func (c cureCase) by(b *builder) cureCase {
	c.builder, c.files = b, maps.Clone(c.files)
	c.history = c.history && b.name != "buildah" // one layer of all: what to change is said in words
	c.dockerfile = strings.ReplaceAll(c.dockerfile, "FROM lower", "FROM "+c.tag("lower"))
	return c
}

func readCure(t *testing.T, file string) (c cureCase, lines map[string]string) {
	t.Helper()
	lines = map[string]string{}
	a, err := txtar.ParseFile(file)
	assert.NilError(t, err)
	c = cureCase{name: strings.TrimSuffix(filepath.Base(file), ".txt"), files: map[string]string{}, history: true}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		lines[key] = value
	}
	c.args, c.history = strings.Fields(lines["args"]), lines["history"] != "no"
	for _, f := range a.Files {
		switch f.Name {
		case "Dockerfile":
			c.dockerfile = string(f.Data)
		case "check":
			c.check = string(f.Data)
		case "base":
			c.base = string(f.Data)
		default:
			c.files[f.Name] = string(f.Data)
		}
	}
	return c, lines
}

func (c cureCase) tag(what string) string { return c.name + "-" + c.builder.name + ":" + what }

func (c cureCase) run(t *testing.T) {
	if c.base != "" {
		c.build(t, "lower", c.base, nil)
	}
	c.build(t, "before", c.dockerfile, c.args)
	c.mustPass(t, "before")
	t.Run("dockerfile", func(t *testing.T) {
		d, err := audit.ParseDockerfile("Dockerfile", strings.NewReader(c.dockerfile))
		assert.NilError(t, err)
		r := c.audit(t, "before", d)
		assert.Assert(t, len(r.Findings) > 0)
		var diff bytes.Buffer
		assert.NilError(t, audit.Patch(&diff, []audit.Report{r}, d, "Dockerfile"))
		c.cured(t, "patched", patched(t, c.dockerfile, diff.String()), r)
	})
	if !c.history {
		return
	}
	t.Run("history", func(t *testing.T) {
		r := c.audit(t, "before", nil)
		c.cured(t, "pasted", pasted(t, c.dockerfile, r), r)
	})
}

// cured builds what a cure made of the Dockerfile, once, and holds it to account.
func (c cureCase) cured(t *testing.T, tag, dockerfile string, r audit.Report) {
	t.Helper()
	args := c.args
	for _, f := range r.Findings {
		for _, also := range f.Also {
			if arg, ok := strings.CutPrefix(also, "build with --build-arg "); ok {
				args = append(args, arg)
			}
			if strings.HasPrefix(also, "build with --no-cache") {
				args = append(args, noCache)
			}
		}
		for _, change := range f.Changes {
			name, _, _ := strings.Cut(strings.TrimPrefix(change.New, "ARG "), "=")
			if given := strings.Join(c.args, " "); strings.Contains(change.Note, "--build-arg") && strings.HasPrefix(given, name+"=") {
				args = append(args, strings.TrimPrefix(change.New, "ARG ")) // as the note says
			}
		}
	}
	c.build(t, tag, dockerfile, args)
	again := c.audit(t, tag, nil)
	for _, f := range again.Findings {
		t.Errorf("still there: %s of %d:%d in layer %d: %q\n%s", f.Rule, f.UID, f.GID, f.Layer, f.Paths, dockerfile)
	}
	assert.Assert(t, again.Startable)
	c.mustPass(t, tag)
}

func (c cureCase) audit(t *testing.T, tag string, d *audit.Dockerfile) audit.Report {
	t.Helper()
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: 3, Dockerfile: d, Engine: c.builder.version(t)})
	names := []string{c.tag(tag)}
	if c.base != "" {
		names = append(names, c.tag("lower"))
	}
	images, err := image.Daemon{Engine: c.builder.engine.Client(t), Names: names}.Images(t.Context(), a)
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	return a.Report(images[0], images...)
}

func (c cureCase) build(t *testing.T, tag, dockerfile string, args []string) {
	t.Helper()
	dir := t.TempDir()
	c.files["Dockerfile"] = dockerfile
	for name, body := range c.files {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755))
	}
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "odd.tar"), oddTar("odd/", "odd/file"), 0o644))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "mixed.tar"), oddTar("mixed/", "mixed/odd", "mixed/good"), 0o644))
	said, err := c.builder.build(t, c.tag(tag), dir, args)
	if tag == "before" && strings.Contains(said, "unknown instruction: ") {
		t.Skip("needs a builder that knows here-documents")
	}
	assert.NilError(t, err, "%s\n%s", said, dockerfile)
}

func (c cureCase) mustPass(t *testing.T, tag string) {
	t.Helper()
	out, err := c.builder.engine.Docker("run", "--rm", "--network", "none", "--entrypoint", "sh", c.tag(tag), "-ec", c.check).CombinedOutput()
	assert.NilError(t, err, "%s: %s", tag, out)
}
