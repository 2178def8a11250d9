package audit

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/layercache"
)

// questions are audits that want different things of the same layers.
func questions(t *testing.T) []Options {
	t.Helper()
	apart, err := idmap.ParseFlag([]string{"uid=0:200000:1000,uid=2000:300000:70000,gid=0:100000:131072"})
	assert.NilError(t, err)
	return []Options{
		{Map: usual, Paths: 10},
		{Map: apart, Paths: 3},
		{Map: single(1), Paths: -1},
		{Map: single(1 << 31), Paths: 10},
		{Map: usual, Paths: 10, Asked: &Asked{IDs: []int64{0, 1000}}},
		{Map: usual, Paths: -1, Asked: &Asked{Paths: []string{"etc/passwd", "usr/bin"}}},
	}
}

// reports are all that audits say of an archive, with what they know of it.
func reports(t *testing.T, archive []byte, o Options, c *layercache.Cache) string {
	t.Helper()
	a := New(o)
	path := filepath.Join(t.TempDir(), "image.tar")
	assert.NilError(t, os.WriteFile(path, archive, 0o600))
	images, err := image.DockerArchive(path, image.Options{}).Images(t.Context(), image.Cached{Visitor: a, Layers: c})
	assert.NilError(t, err)
	var b bytes.Buffer
	for _, img := range images {
		assert.NilError(t, img.Err)
		r := a.Report(img)
		text, err := json.MarshalIndent(r, "", " ")
		assert.NilError(t, err)
		fmt.Fprintf(&b, "%s\n", text)
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "%q %v %q %v\n", f.Also, f.Folders, f.Common, f.Asked)
		}
		passwd, group, ok := a.Accounts(img)
		fmt.Fprintf(&b, "%q %q %v\n", passwd, group, ok)
		plan, err := a.Renumber(img, Given{})
		if err == nil {
			fmt.Fprintf(&b, "%v %v %v %v", plan.Moves, plan.Layers, plan.User, plan.Unread)
		}
	}
	return b.String()
}

// blanked is an archive without the bytes of its layers.
func blanked(t *testing.T, archive []byte) []byte {
	t.Helper()
	out := bytes.Clone(archive)
	r := bytes.NewReader(archive)
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return out
		}
		assert.NilError(t, err)
		if at := r.Size() - int64(r.Len()); filepath.Base(h.Name) == "layer.tar" {
			clear(out[at : at+h.Size])
		}
	}
}

// What comes out of the cache leads to the same reports as the layers themselves, for any
// map, whatever was asked when they were read.
func TestCachedReports(t *testing.T) {
	c, err := layercache.Open(t.TempDir(), layercache.Size)
	assert.NilError(t, err)
	defer c.Close()
	asked := questions(t)
	for n := range uint64(60) {
		archive := imagetest.Generate(14, n).Archive
		gone := blanked(t, archive)
		first := image.Cached{Visitor: New(asked[n%uint64(len(asked))]), Layers: c}
		_, err := image.Stream("-", bytes.NewReader(archive), image.Options{}).Images(t.Context(), first)
		assert.NilError(t, err)
		for i, o := range asked {
			want := reports(t, archive, o, nil)
			assert.Equal(t, reports(t, gone, o, c), want, "image %d, question %d", n, i)
		}
	}
}
