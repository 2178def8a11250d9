package image

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// configured is a machine that has these files, and nothing else.
type configured map[string]string

func (c configured) ReadFiles(_ context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	for _, p := range paths {
		body, ok := c[p.Name]
		var err error
		if !ok {
			err = fs.ErrNotExist
		}
		if err := each(p, strings.NewReader(body), err); err != nil {
			return err
		}
	}
	return nil
}

func (c configured) Names(dir string) (names []string, _ error) {
	for name := range c {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	return names, nil
}

// The roots of what a configuration imports, as containerd reads it.
func TestConfiguredRoots(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files configured
		want  []string
	}{
		{"none", configured{}, nil},
		{"one", configured{containerdConfig: `root = "/data/../data/c"`}, []string{"/data/c"}},
		{"relative root", configured{containerdConfig: `root = "c"`}, nil},
		{"import", configured{containerdConfig: "imports = ['/a.toml']\nroot = '/one'", "/a.toml": "root = '/two'"}, []string{"/two", "/one"}},
		{"relative import", configured{containerdConfig: "imports = ['conf.d/a.toml']", "/etc/containerd/conf.d/a.toml": "root = '/two'"}, []string{"/two"}},
		{"pattern", configured{
			containerdConfig: "imports = ['conf.d/*.toml']", "/etc/containerd/conf.d/b.toml": "root = '/b'",
			"/etc/containerd/conf.d/a.toml": "root = '/a'", "/etc/containerd/conf.d/c.conf": "root = '/c'",
		}, []string{"/b", "/a"}},
		{"in a circle", configured{containerdConfig: "imports = ['config.toml', '/a.toml']\nroot = '/one'", "/a.toml": "imports = ['/etc/containerd/config.toml']"}, []string{"/one"}},
		{"imports what is not there", configured{containerdConfig: "imports = ['/none', '/none/*']\nroot = '/one'"}, []string{"/one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.DeepEqual(t, configuredRoots(t.Context(), tc.files), tc.want)
		})
	}
}

// A host that has written a configuration to be deep, or to lead to many files.
func TestHostileConfigurations(t *testing.T) {
	half := maxConfig / 2
	for name, text := range map[string]string{
		"lists":       "root = " + strings.Repeat("[", maxConfig-10),
		"whole lists": "root = " + strings.Repeat("[", half-10) + strings.Repeat("]", half-10),
		"tables":      "root = " + strings.Repeat("{a=", maxConfig/3-10),
		"dotted keys": strings.Repeat("a.", half-10) + "a = 1",
		"dotted name": "[" + strings.Repeat("a.", half-10) + "a]",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, len(configuredRoots(t.Context(), configured{containerdConfig: text})), 0)
		})
	}
	many := "imports = [" + strings.Repeat("'x/*', '*.toml', ", 5000) + "]"
	reads := &counted{configured: configured{containerdConfig: many}}
	for i := range 1000 {
		reads.configured["/etc/containerd/"+strings.Repeat("x", i)+".toml"] = many
	}
	configuredRoots(t.Context(), reads)
	assert.Assert(t, reads.n <= maxConfigs, "%d files were read", reads.n)
}

// counted counts the files that are read.
type counted struct {
	configured
	n int
}

func (c *counted) ReadFiles(ctx context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	c.n += len(paths)
	return c.configured.ReadFiles(ctx, paths, each)
}
