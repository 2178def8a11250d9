package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guides are the documents for people who change the program, with the folder that
// their paths are relative to.
var guides = map[string]string{
	"../README.md":                  "..",
	"../../.github/CONTRIBUTING.md": "../..",
}

// named is a path as a guide writes it: of this project, and not of a host.
var named = regexp.MustCompile("`((?:[A-Za-z0-9_.-]+/)+[A-Za-z0-9_.-]*|[A-Za-z0-9_-]+\\.(?:go|md))`")

// TestGuidesNameFiles holds every path in the guides to a file or folder that
// exists, and every "make" to a target.
func TestGuidesNameFiles(t *testing.T) {
	makefile := read(t, "../../Makefile")
	for guide, root := range guides {
		text := read(t, guide)
		paths := named.FindAllStringSubmatch(text, -1)
		if len(paths) < 5 {
			t.Errorf("%s names %d paths", guide, len(paths))
		}
		for _, m := range paths {
			if strings.HasPrefix(m[1], "docker/") { // a module
				continue
			}
			info, err := os.Stat(filepath.Join(root, m[1]))
			if err != nil {
				t.Errorf("%s names %s: %v", guide, m[1], err)
			} else if strings.HasSuffix(m[1], "/") != info.IsDir() && root == ".." {
				t.Errorf("%s names %s: write a slash after a folder, and none after a file", guide, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`make ([a-z]+)").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+": ## ") {
				t.Errorf("%s names the target %q, which Makefile does not have", guide, m[1])
			}
		}
	}
}

// TestGuideHasEveryPackage holds the table of packages to the order that imports
// point down in.
func TestGuideHasEveryPackage(t *testing.T) {
	text := read(t, "../README.md")
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)/` \\|").FindAllStringSubmatch(text, -1) {
		rows = append(rows, m[1])
	}
	if !slices.Equal(rows, packages) {
		t.Errorf("the packages in internal/README.md are\n%v, not\n%v", rows, packages)
	}
	for _, pkg := range forTests {
		if !strings.Contains(text, "`"+pkg+"/`") {
			t.Errorf("internal/README.md does not name %s/", pkg)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
