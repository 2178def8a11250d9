package image

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// A digest that is none could be a path; in a folder it would lead somewhere.
func TestFolderStaysInside(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	must(os.WriteFile(secret, []byte(base), 0o600))
	for name, tc := range map[string]struct {
		change func(dir string, m *ocispec.Manifest)
		want   string
	}{
		"path for a digest": {func(_ string, m *ocispec.Manifest) { m.Layers[0].Digest = "sha256:../../../../etc/passwd" }, "invalid checksum digest"},
		"path for an algorithm": {func(_ string, m *ocispec.Manifest) {
			m.Layers[0].Digest = digest.Digest("../..:" + strings.Repeat("0", 64))
		}, "invalid checksum digest format"},
		"link out": {func(dir string, m *ocispec.Manifest) {
			must(os.Symlink(secret, filepath.Join(dir, "blobs/sha256", strings.Repeat("0", 64))))
			m.Layers[0].Digest = digest.Digest("sha256:" + strings.Repeat("0", 64))
		}, "path escapes"},
		"folder for a blob": {func(dir string, m *ocispec.Manifest) {
			must(os.Mkdir(filepath.Join(dir, "blobs/sha256", strings.Repeat("1", 64)), 0o700))
			m.Layers[0].Digest = digest.Digest("sha256:" + strings.Repeat("1", 64))
		}, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			d, files := manifestOf(gzipOf, web)
			var m ocispec.Manifest
			fromJSON(files[len(files)-1].body, &m)
			dir := inFolder(t, files)
			tc.change(dir, &m)
			d.Digest = digest.FromString(toJSON(m))
			must(os.WriteFile(filepath.Join(dir, place(toJSON(m))), []byte(toJSON(m)), 0o600))
			must(os.WriteFile(filepath.Join(dir, "index.json"), []byte(toJSON(ocispec.Index{Manifests: []ocispec.Descriptor{d}})), 0o600))
			images, err := OCIDir(dir, Options{}).Images(t.Context(), newRecorder())
			assert.NilError(t, err)
			assert.ErrorContains(t, images[0].Err, tc.want)
		})
	}
}

func TestAbsentPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := Open(path, Options{})
	assert.ErrorIs(t, err, fs.ErrNotExist)
	for _, src := range []Source{DockerArchive(path, Options{}), OCIArchive(path, Options{}), OCIDir(path, Options{})} {
		_, err := src.Images(t.Context(), newRecorder())
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestWrongKind(t *testing.T) {
	file := inFile(t, packed(layout(plain, web)))
	_, err := DockerArchive(file, Options{}).Images(t.Context(), newRecorder())
	assert.ErrorContains(t, err, `no image of the kind "docker-archive", or cut short: reading "manifest.json": there is no file "manifest.json" in it`)
	_, err = OCIArchive(inFile(t, packed(saved20(web))), Options{}).Images(t.Context(), newRecorder())
	assert.ErrorContains(t, err, `of the kind "oci-archive"`)
	_, err = OCIDir(t.TempDir(), Options{}).Images(t.Context(), newRecorder())
	assert.ErrorContains(t, err, `no file "index.json"`)
}

// docker load unpacks an archive before it reads it, so that of two files of
// one name the second is what it sees.
func TestLastManifestWins(t *testing.T) {
	files := append([]file{{name: "manifest.json", body: `[{"Config":"gone","RepoTags":["old:1"]}]`}}, saved20(web)...)
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			v := newRecorder()
			images, err := read(t, packed(files), v, Options{})
			assert.NilError(t, err)
			v.expect(t, images, web)
		})
	}
}

// A megabyte of zstd that says "and 128 KiB of zeros more" over and over.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("4 GiB are unpacked before it is refused")
	}
	bomb := bombOf(1 << 20)
	p := picture{tag: "bomb:1", layers: []string{"x"}}
	files := with(saved20(p, web), file{name: hex(fmt.Sprint(p.id(), 0)) + "/layer.tar", body: bomb})
	v := newRecorder()
	images, err := ways["file"](t, packed(files), v, Options{Names: []string{"bomb:1", "web:2"}})
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "expands more than 1,100 times")
	v.expect(t, images[1:], web)
}

func bombOf(n int) string {
	var head bytes.Buffer
	w := tar.NewWriter(&head)
	must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Size: 1 << 40, Format: tar.FormatGNU}))
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x58} // a window of 2 MiB
	block := func(kind, size int, body ...byte) {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(size<<3|kind<<1))[:len(b)+3], body...)
	}
	block(0, 512, head.Bytes()[:512]...)
	for len(b) < n {
		block(1, 128<<10, 0)
	}
	return string(b)
}

// An archive that is cut short anywhere is an error, unless only the zeros at
// its end are gone.
func TestCutShort(t *testing.T) {
	small := picture{tag: "small:1", layers: []string{high, bodied("f", 3000)}}
	for name, files := range map[string][]file{"20.10": saved20(small), "25": saved25(small), "gzip": layout(gzipOf, small), "zstd": layout(zstdOf, small)} {
		whole := packed(files)
		v := newRecorder()
		images, err := ways["file"](t, whole, v, Options{})
		assert.NilError(t, err)
		want := v.flatAll(images)
		for _, way := range []string{"file", "stream"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				for cut := 0; cut < len(whole); cut += 83 {
					checkCut(t, way, whole, cut, want)
				}
				for cut := 0; cut < len(whole); cut += 512 {
					checkCut(t, way, whole, cut, want)
				}
			})
		}
	}
}

func checkCut(t *testing.T, way string, whole []byte, cut int, want string) {
	t.Helper()
	v := newRecorder()
	images, err := ways[way](t, whole[:cut], v, Options{})
	if err != nil || len(images) == 1 && images[0].Err != nil {
		return
	}
	assert.Equal(t, v.flatAll(images), want, "cut at %d of %d", cut, len(whole))
}

// Many images take no more time than their number: neither in an archive, nor of an engine.
func TestManyImages(t *testing.T) {
	var o Options
	var all []plan
	var requests []request
	for i := range maxImages {
		id := digest.FromString(fmt.Sprint(i)).String()
		all = append(all, plan{Image: Image{ID: id}, tags: []string{fmt.Sprintf("registry.example.com/app%d:1", i), fmt.Sprintf("app%d:1", i)}})
		o.Names = append(o.Names, id)
	}
	for i := range 50_000 {
		requests = append(requests, request{id: digest.FromString(fmt.Sprint(i)).String()})
	}
	start := time.Now()
	assert.Equal(t, len(o.pick(all)), maxImages)
	assert.Equal(t, len(idsOf(append(requests, requests...))), len(requests))
	took := time.Since(start)
	assert.Assert(t, took < 5*time.Second, "%s", took)
}
