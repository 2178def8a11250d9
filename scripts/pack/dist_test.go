package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// dist makes a release from a copy of the project, in a folder of the given name. What
// it needs of git is given.
func dist(t *testing.T, name string, platforms ...string) string {
	t.Helper()
	project, out := filepath.Join(t.TempDir(), name), filepath.Join(t.TempDir(), "out")
	files, err := exec.Command("git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	assert.NilError(t, err)
	for file := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		from := filepath.Join("../..", file)
		info, err := os.Stat(from)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		assert.NilError(t, err)
		text, err := os.ReadFile(from)
		assert.NilError(t, err)
		to := filepath.Join(project, file)
		assert.NilError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		assert.NilError(t, os.WriteFile(to, text, info.Mode().Perm()))
	}
	cmd := exec.Command("scripts/dist", platforms...)
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "DIST="+out, "VERSION=v1.2.3", "COMMIT=0123456789abcdef", "SOURCE_DATE_EPOCH=1700000000")
	said, err := cmd.CombinedOutput()
	assert.NilError(t, err, string(said))
	return out
}

// The same commit gives the same bytes in different places. One platform is tried;
// DIST_ALL=1 tries all of them.
func TestDist(t *testing.T) {
	if testing.Short() {
		t.Skip("builds releases")
	}
	if runtime.GOOS != "linux" {
		t.Skip("packages are for linux")
	}
	platforms := []string{"linux/" + runtime.GOARCH}
	if os.Getenv("DIST_ALL") != "" {
		platforms = nil
	}
	one, another := dist(t, "one", platforms...), dist(t, "another place", platforms...)
	diff, err := exec.Command("diff", "-r", one, another).CombinedOutput()
	assert.NilError(t, err, string(diff))
	sums := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	sums.Dir = one
	said, err := sums.CombinedOutput()
	assert.NilError(t, err, string(said))
	name := "docker-userns_1.2.3_linux_" + runtime.GOARCH
	version, err := exec.Command("sh", "-c", `tar -xzf "$1.tar.gz" -C "$2" && "$2"/*/docker-userns --version`, "", filepath.Join(one, name), t.TempDir()).Output()
	assert.NilError(t, err)
	assert.Equal(t, string(version), "docker userns version 1.2.3, commit 0123456789abcdef, engine API 1.41 to 1.51\n")
	t.Run("bill of materials", func(t *testing.T) { billOfMaterials(t, filepath.Join(one, name+".cdx.json")) })
	t.Run("deb", func(t *testing.T) {
		fields, files := tool(t, "dpkg-deb", "-f", only(t, one, runtime.GOARCH+".deb")), tool(t, "dpkg-deb", "-c", only(t, one, runtime.GOARCH+".deb"))
		for _, want := range []string{"Package: docker-userns-plugin\n", "Version: 1.2.3\n", "Architecture: " + runtime.GOARCH + "\n", "Recommends: acl\n"} {
			assert.Check(t, strings.Contains(fields, want), fields)
		}
		var paths []string
		for line := range strings.Lines(files) {
			f := strings.Fields(line)
			assert.Check(t, f[1] == "root/root" && f[3] == "2023-11-14", line)
			paths = append(paths, strings.TrimPrefix(f[5], "."))
		}
		holds(t, paths)
	})
	t.Run("rpm", func(t *testing.T) {
		path := only(t, one, ".rpm")
		holds(t, strings.Fields(tool(t, "rpm", "-qpl", path)))
		assert.Check(t, strings.Contains(tool(t, "rpm", "-qp", "--recommends", path), "acl"))
		assert.Equal(t, strings.TrimSpace(tool(t, "rpm", "-qp", "--qf", "%{BUILDHOST} %{VERSION} %{LICENSE}", path)), "localhost 1.2.3 Apache-2.0")
	})
	t.Run("apk", func(t *testing.T) {
		holds(t, entriesOfAPK(t, only(t, one, ".apk")))
	})
}

// holds looks for the files of a package.
func holds(t *testing.T, paths []string) {
	t.Helper()
	for _, want := range []string{
		"/usr/libexec/docker/cli-plugins/docker-userns", "/usr/bin/docker-userns", "/usr/share/man/man1/docker-userns-enable.1.gz",
		"/usr/share/bash-completion/completions/docker-userns", "/usr/share/doc/docker-userns-plugin/copyright",
		"/usr/lib/systemd/system/docker-userns-verify.service", "/usr/lib/systemd/system/docker-userns-verify.timer",
		"/usr/share/docker-userns/alerts.yml", "/usr/share/docker-userns/dashboard.json",
	} {
		assert.Check(t, slices.Contains(paths, want), "no %s in %v", want, paths)
	}
}

// only gives the file of a folder with an ending.
func only(t *testing.T, dir, ending string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	assert.NilError(t, err)
	assert.Assert(t, len(found) > 0, ending)
	return found[0]
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s", name)
	}
	out, err := exec.Command(name, args...).Output()
	assert.NilError(t, err, name)
	return string(out)
}

// billOfMaterials has what is linked, and what it was built with.
func billOfMaterials(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version, PURL string }
	}
	assert.NilError(t, json.Unmarshal(text, &bom))
	assert.Equal(t, bom.Format, "CycloneDX")
	assert.Equal(t, bom.Metadata.Component.Name, "github.com/docker-userns/docker-userns")
	assert.Equal(t, bom.Metadata.Component.Version, "v1.2.3")
	versions := map[string]string{}
	for _, c := range bom.Components {
		versions[c.Name] = c.Version
	}
	assert.Equal(t, versions["github.com/docker/cli"], "v28.5.2+incompatible")
	assert.Check(t, versions["std"] != "", "no standard library")
	assert.Equal(t, versions["github.com/docker/cli-docs-tool"], "", "it is not linked")
}

// entriesOfAPK reads an apk, which is archives one behind the other, and looks at who
// its files belong to.
func entriesOfAPK(t *testing.T, path string) (paths []string) {
	f, err := os.Open(path)
	assert.NilError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	assert.NilError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return paths
		}
		assert.NilError(t, err)
		if strings.HasPrefix(h.Name, "usr/") {
			paths = append(paths, "/"+h.Name)
			assert.Check(t, h.Uid == 0 && h.Gid == 0 && h.ModTime.Unix() == 1700000000, "%+v", h)
		}
	}
}
