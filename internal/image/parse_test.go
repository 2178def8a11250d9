package image

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParse(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"layout", "skopeo", "empty"} {
		assert.NilError(t, os.Mkdir(dir, 0o755))
	}
	for _, name := range []string{"app.tar", "a:b.tar", "layout/index.json", "skopeo/manifest.json"} {
		assert.NilError(t, os.WriteFile(name, nil, 0o644))
	}
	abs, err := filepath.Abs("app.tar")
	assert.NilError(t, err)
	for _, want := range []Ref{
		{Given: "app:1", Place: InDaemon, At: "app:1"},
		{Given: "docker-daemon:app.tar", Place: InDaemon, At: "app.tar"},
		{Given: "0123456789ab", Place: InDaemon, At: "0123456789ab"},
		{Given: "sha256:0123", Place: InDaemon, At: "sha256:0123"},
		{Given: "empty", Place: InDaemon, At: "empty"},
		{Given: "docker://registry.example:5000/app@sha256:x", Place: InRegistry, At: "registry.example:5000/app@sha256:x"},
		{Given: "docker-archive:app.tar", Place: InDockerArchive, At: "app.tar"},
		{Given: "docker-archive:app.tar:registry.example:5000/app:1", Place: InDockerArchive, At: "app.tar", Name: "registry.example:5000/app:1"},
		{Given: "docker-archive:a:b.tar", Place: InDockerArchive, At: "a:b.tar"},
		{Given: "oci-archive:none.tar:1", Place: InOCIArchive, At: "none.tar", Name: "1"},
		{Given: "oci:layout:1", Place: InOCIFolder, At: "layout", Name: "1"},
		{Given: "oci:/a/b", Place: InOCIFolder, At: "/a/b"},
		{Given: "dir:a:b", Place: InFolder, At: "a:b"},
		{Given: "app.tar", At: "app.tar"},
		{Given: "./none.tar", At: "./none.tar"},
		{Given: abs, At: abs},
		{Given: "layout", At: "layout"},
		{Given: "skopeo", At: "skopeo"},
		{Given: "-", Place: OnStdin, At: "-"},
	} {
		got, err := Parse(want.Given)
		assert.NilError(t, err, want.Given)
		assert.Equal(t, got, want)
	}
	for arg, said := range map[string]string{
		"containers-storage:app":    "podman save",
		"podman:app":                "podman save",
		"https://registry/app":      "docker://HOST/NAME",
		"none.tar":                  "there is no such file",
		"oci-archve:none.tar":       "there is no such file",
		"docker-archiv:dir/app.tgz": "there is no such file",
		"empty/":                    "neither an index.json nor a manifest.json",
		"no/such/":                  "there is no such file, and it cannot be the name of an image",
		"App":                       "must be lowercase",
	} {
		ref, err := Parse(arg)
		assert.NilError(t, err)
		_, err = ref.Source(Options{}, nil, Registry{}).Images(t.Context(), newRecorder())
		assert.ErrorContains(t, err, said, arg)
	}
	for _, arg := range []string{"", "docker://", "oci: "} {
		_, err := Parse(arg)
		assert.ErrorContains(t, err, "a name is missing", arg)
	}
}
