package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// scribe is a Visitor that writes down every header whole, and what is in the
// accounts' files.
type scribe struct {
	mu   sync.Mutex
	said map[string][]string
}

func newScribe() *scribe { return &scribe{said: map[string][]string{}} }

func (s *scribe) Seen(blob string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said[blob] != nil
}

func (s *scribe) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	said := []string{}
	for {
		h, err := headers.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		said = append(said, fmt.Sprintf("%q %q %d:%d %d %c @%d", h.Name, h.Linkname, h.UID, h.GID, h.Size, h.Type, h.Offset))
		if name := strings.TrimPrefix(string(h.Name), "./"); name == "etc/passwd" || name == "etc/group" {
			body, err := io.ReadAll(headers)
			if err != nil {
				return err
			}
			said = append(said, string(body))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said[blob] = said
	return nil
}

// tarWith packs entries; a body is as long as its header says.
func tarWith(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		assert.NilError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg && h.Size > 0 {
			_, err := io.WriteString(w, strings.Repeat("root:x:0:0\n", int(h.Size)/11+1)[:h.Size])
			assert.NilError(t, err)
		}
	}
	assert.NilError(t, w.Close())
	return b.Bytes()
}

var long = strings.Repeat("a-long-directory-name/", 12) + "f"

// oddLayers hold what an image can hold and an engine keeps.
func oddLayers(t testing.TB, remapped bool) map[string][]string {
	far := 1516583083
	if remapped {
		far = 60000 // the engine would not take the other
	}
	base := string(tarWith(t,
		tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "etc/passwd", Mode: 0o644, Size: 1100},
		tar.Header{Name: "etc/group", Mode: 0o644, Size: 11},
		tar.Header{Name: "empty", Typeflag: tar.TypeReg, Mode: 0o644},
		tar.Header{Name: "big", Size: 3 << 20, Mode: 0o644, Uid: 33},
		tar.Header{Name: "hard", Linkname: "big", Typeflag: tar.TypeLink, Uid: 44},
		tar.Header{Name: "soft", Linkname: "etc/passwd", Typeflag: tar.TypeSymlink, Gid: 5},
		tar.Header{Name: "pipe", Typeflag: tar.TypeFifo, Uid: 6},
		tar.Header{Name: "tab\tand \"quote\" and <é>", Size: 513, Mode: 0o600},
		tar.Header{Name: long, Size: 511, Mode: 0o600, Uid: far},
		tar.Header{Name: "pax", Size: 512, Mode: 0o600, Uid: far, Gid: far, Format: tar.FormatPAX, PAXRecords: map[string]string{"comment": strings.Repeat("x", 5000)}},
		tar.Header{Name: "gnu-" + long, Mode: 0o600, Uid: far, Format: tar.FormatGNU},
	))
	upper := string(tarWith(t,
		tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "etc/.wh..wh..opq", Mode: 0o600, Typeflag: tar.TypeReg},
		tar.Header{Name: "etc/passwd", Mode: 0o644, Size: 22},
		tar.Header{Name: ".wh.big", Mode: 0o600},
	))
	dotted := string(tarWith(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, Uid: 9},
		tar.Header{Name: "./etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./etc/passwd", Mode: 0o644, Size: 33},
	))
	nothing := string(tarWith(t))
	return map[string][]string{
		"odd:1": {base, upper}, "shares:1": {base, dotted, nothing}, "again:1": {dotted, base, dotted}, "empty:1": {nothing},
	}
}

func TestRecordsSayWhatTheEngineSends(t *testing.T) {
	for name, o := range map[string]testengine.Options{
		"plain":    {},
		"remapped": {Remap: true},
		"vfs":      {Args: []string{"--storage-driver=vfs"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := testengine.Start(t, o)
			c := e.Client(t)
			var ids []string
			for tag, layers := range oddLayers(t, o.Remap) {
				load(t, c, packed(saved20(picture{tag: tag, layers: layers, user: "1000:5"})))
				ids = append(ids, inspect(t, c, tag))
			}
			ids = append(ids, build(t, e))
			sameBothWays(t, e, c, ids)
		})
	}
}

// sameBothWays reads images out of the records and out of docker save.
func sameBothWays(t *testing.T, e *testengine.Engine, c *client.Client, ids []string) {
	t.Helper()
	info, err := c.Info(t.Context())
	assert.NilError(t, err)
	hosts, err := host.Daemons(e.Socket)
	assert.NilError(t, err)
	assert.Equal(t, len(hosts), 1)
	assert.Equal(t, hosts[0].PID, e.PID)
	recorded, streamed := newScribe(), newScribe()
	r := records{files: hosts[0], dataRoot: info.DockerRootDir, driver: info.Driver}
	fast, errs := r.read(t.Context(), recorded, ids)
	assert.Equal(t, len(errs), 0, "%v", errs)
	for _, id := range ids {
		body, err := c.ImageSave(t.Context(), []string{id})
		assert.NilError(t, err)
		slow, err := ReadStream(t.Context(), body, streamed, Options{Names: []string{id}})
		body.Close()
		assert.NilError(t, err)
		assert.Equal(t, len(slow), 1)
		assert.NilError(t, slow[0].Err)
		img := fast[id]
		assert.Equal(t, img.Source, "layer-records")
		assert.Equal(t, len(img.Layers), len(slow[0].Layers))
		for i := range img.Layers {
			assert.DeepEqual(t, recorded.said[img.Layers[i].Blob], streamed.said[slow[0].Layers[i].Blob])
			img.Layers[i].Blob, slow[0].Layers[i].Blob = "", ""
			img.Layers[i].Name, slow[0].Layers[i].Name = "", ""
		}
		img.Source, slow[0].Source = "", ""
		img.Name, slow[0].Name = "", ""
		img.Tags, slow[0].Tags = nil, nil
		assert.Assert(t, cmp.Equal(img, slow[0]), cmp.Diff(img, slow[0]))
	}
}

func load(t *testing.T, c *client.Client, archive []byte) {
	t.Helper()
	resp, err := c.ImageLoad(t.Context(), bytes.NewReader(archive))
	assert.NilError(t, err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(said), "error"), "%s", said)
}

func inspect(t *testing.T, c *client.Client, name string) string {
	t.Helper()
	got, err := c.ImageInspect(t.Context(), name)
	assert.NilError(t, err)
	return got.ID
}

// build makes an image with the engine's own builder.
func build(t *testing.T, e *testengine.Engine) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile": "FROM scratch\nCOPY passwd /etc/passwd\nCOPY --chown=7:8 passwd /home/\nENV A=b C=d\nLABEL x=y\nUSER 12\n",
		"passwd":     "me:x:12:12::/:/bin/sh\n",
	} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	out, err := e.Docker("build", "-q", "--network=none", "-t", "built:1", dir).CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return inspect(t, e.Client(t), "built:1")
}
