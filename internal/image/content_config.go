package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/pelletier/go-toml/v2"
)

const (
	containerdConfig = "/etc/containerd/config.toml"
	maxConfig        = 1 << 20 // bytes of a file
	maxConfigs       = 100     // files
	maxImports       = 8       // files that import each other
	maxNested        = 10_000  // tables, lists and keys of keys in a file
)

// containerdFile is what a configuration of containerd says of where it keeps things.
type containerdFile struct {
	Root    string   `toml:"root"`
	Imports []string `toml:"imports"`
}

// configuredRoots are the roots in containerd's configuration, and in the files that it
// imports: of several, the one that counts comes first (LoadConfig of containerd 1.6 to
// 2.3). There is none if nothing is configured.
func configuredRoots(ctx context.Context, files Files) (roots []string) {
	read := map[string]bool{}
	next := []string{containerdConfig}
	for range maxImports {
		var paths []host.Path
		for _, name := range next {
			if !read[name] && len(read) < maxConfigs {
				read[name] = true
				paths = append(paths, host.Path{Name: name})
			}
		}
		if next = nil; len(paths) == 0 {
			break
		}
		_ = files.ReadFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error {
			c, err := parseContainerd(body, err)
			if err != nil {
				return nil //nolint:nilerr // without it the default holds
			}
			if path.IsAbs(c.Root) {
				roots = append(roots, path.Clean(c.Root))
			}
			next = append(next, resolved(p.Name, c.Imports)...)
			return nil
		})
		next = matches(ctx, files, next)
	}
	slices.Reverse(roots)
	return roots
}

// parseContainerd reads a configuration, unless it is too large or too deep: the parser
// calls itself for each bracket that opens, and the decoder for each dot of a key.
func parseContainerd(body io.Reader, err error) (c containerdFile, _ error) {
	if err != nil {
		return c, err
	}
	text, err := readAll(body, maxConfig)
	if err != nil {
		return c, err
	}
	if bytes.Count(text, []byte{'['})+bytes.Count(text, []byte{'{'})+bytes.Count(text, []byte{'.'}) > maxNested {
		return c, errors.New("it has too many tables")
	}
	return c, toml.Unmarshal(text, &c)
}

// resolved are the paths that a file imports. Relative ones begin where it is.
func resolved(file string, imports []string) (all []string) {
	for _, p := range imports[:min(len(imports), maxConfigs)] {
		if !path.IsAbs(p) {
			p = path.Join(path.Dir(file), p)
		}
		all = append(all, path.Clean(p))
	}
	return all
}

// matches puts the files of a folder in the place of a pattern.
func matches(ctx context.Context, files Files, patterns []string) (all []string) {
	patterns = patterns[:min(len(patterns), maxConfigs)]
	var dirs []string
	for _, p := range patterns {
		if dir := path.Dir(p); strings.Contains(p, "*") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	names := namesIn(ctx, files, dirs)
	for _, p := range patterns {
		if !strings.Contains(p, "*") {
			all = append(all, p)
			continue
		}
		dir, pattern := path.Split(p)
		for _, name := range names[path.Clean(dir)] {
			if ok, _ := path.Match(pattern, name); ok && len(all) < maxConfigs {
				all = append(all, path.Join(dir, name))
			}
		}
	}
	return all
}

// namesIn lists folders, sorted. What cannot be listed is empty.
func namesIn(ctx context.Context, files Files, dirs []string) map[string][]string {
	all := map[string][]string{}
	if len(dirs) == 0 {
		return all
	}
	switch on := files.(type) {
	case interface {
		Names(dir string) ([]string, error)
	}:
		for _, dir := range dirs {
			names, _ := on.Names(dir)
			slices.Sort(names)
			all[dir] = names
		}
	case interface {
		Look(ctx context.Context, q host.Questions) (host.Answers, error)
	}:
		a, _ := on.Look(ctx, host.Questions{Dirs: dirs})
		for _, dir := range dirs {
			all[dir] = a.Dirs[dir].Names
		}
	}
	return all
}
