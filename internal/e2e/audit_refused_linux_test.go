package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// What an engine refuses for another reason than an ID, the audit reports, and nothing else.
func TestAuditSaysWhatThisEngineRefuses(t *testing.T) {
	steps := func(image string, n int) (all []imagetest.Step) { // no two share a layer, which an engine takes once
		for i := range n {
			all = append(all, imagetest.Step{By: "RUN x", Layer: imagetest.Layer(imagetest.File{Name: fmt.Sprint(image, i)})})
		}
		return all
	}
	packer, err := zstd.NewWriter(nil)
	assert.NilError(t, err)
	zstded := steps("zstd", 2)
	for i := range zstded {
		zstded[i].Packed = packer.EncodeAll(zstded[i].Layer, nil)
	}
	dir := t.TempDir()
	archives := map[string][]byte{
		"deep":    imagetest.Archive("deep:1", "", steps("deep", 125)...),
		"deeper":  imagetest.Archive("deeper:1", "", steps("deeper", 126)...),
		"zstd":    imagetest.Archive("zstd:1", "", zstded...),
		"windows": imagetest.ArchiveFor("windows", "windows:1", "ContainerUser", steps("windows", 1)...),
	}
	for name, archive := range archives {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), archive, 0o600))
	}
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		host.Remap(t, 100000, 65536)
		for name, archive := range archives {
			theirs := host.Load(t.Context(), bytes.NewReader(archive))
			a := docker(t, host, nil, "--context", "root", "userns", "audit-image", "--format", "json", filepath.Join(dir, name))
			ours := reports(t, a)[name+":1"]
			refused := slices.ContainsFunc(ours.Findings, func(f finding) bool { return f.Rule == "refused-layer" })
			t.Logf("%s: %v\n%s", name, theirs, a.stdout)
			assert.Equal(t, refused, theirs != nil, "%s: %v\n%s", name, theirs, a.stdout)
			assert.Equal(t, a.code, map[bool]int{true: 1}[refused], "%s: %s", name, a.stderr)
		}
	})
}
