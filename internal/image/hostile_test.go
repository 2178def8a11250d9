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

// Archives that cannot be read at all.
func TestHostileArchives(t *testing.T) {
	good := saved20(app)
	for name, tc := range map[string]struct {
		files []byte
		want  string
	}{
		"empty":                    {nil, "it is empty"},
		"no tar":                   {[]byte("#!/bin/sh\n" + strings.Repeat("echo\n", 1000)), "it is not a tar"},
		"short and no tar":         {[]byte("hello"), "it is not a tar"},
		"no manifest":              {packed(without(good, "manifest.json")), "neither a manifest.json nor an index.json"},
		"manifest outside":         {packed(append(without(good, "manifest.json"), file{name: "../manifest.json", body: "[]"})), "neither a manifest.json"},
		"manifest is no JSON":      {packed(with(good, file{name: "manifest.json", body: "<html>"})), `reading "manifest.json": it is not JSON`},
		"manifest is broken JSON":  {packed(with(good, file{name: "manifest.json", body: "[{"})), `parsing "manifest.json"`},
		"manifest of another kind": {packed(with(good, file{name: "manifest.json", body: `{"a":1}`})), `parsing "manifest.json"`},
		"no image":                 {packed(with(good, file{name: "manifest.json", body: "[]"})), "it holds no image"},
		"huge manifest":            {packed(with(good, file{name: "manifest.json", body: "[" + strings.Repeat(" ", maxDocument) + "]"})), "larger than the 8 MiB"},
		"manifest of many objects": {packed(with(good, file{name: "manifest.json", body: "[" + strings.Repeat("{},", maxObjects) + "{}]"})), "objects"},
		"sparse":                   {sparseTar(), "stored as a sparse file"},
		"many files":               {packed(make([]file, maxEntries+1)), "more than 50000 files"},
		"index is a manifest too":  {packed([]file{{name: "index.json", body: `{"manifests":[],"layers":[]}`}}), "an index and a manifest at once"},
		"deep indexes":             {packed(deep(maxDepth + 1)), "more than 8 deep"},
	} {
		for way, read := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				images, err := read(t, tc.files, newRecorder(), Options{})
				assert.ErrorContains(t, err, tc.want)
				assert.Equal(t, len(images), 0)
			})
		}
	}
}

// sparseTar is what tar --sparse makes of a layer full of zeros. The writer of
// archive/tar refuses such records, so they are put in by hand.
func sparseTar() []byte {
	const records = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "PaxHeaders/x", Size: int64(len(records))}))
	w.Write([]byte(records))
	must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x/layer.tar", Size: 512, Format: tar.FormatUSTAR}))
	w.Write([]byte("0\n" + strings.Repeat("\x00", 510)))
	must(w.Close())
	b.Bytes()[156] = tar.TypeXHeader
	return reseal(b.Bytes())
}

// reseal puts the right checksum into a tar's first header.
func reseal(raw []byte) []byte {
	copy(raw[148:156], "        ")
	var sum int
	for _, c := range raw[:512] {
		sum += int(c)
	}
	copy(raw[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return raw
}

// deep nests indexes.
func deep(n int) []file {
	d, files := manifestOf(plain, web)
	for range n {
		index := toJSON(ocispec.Index{Manifests: []ocispec.Descriptor{d}})
		files = append(files, blobFile(index))
		d = describe(ocispec.MediaTypeImageIndex, index)
	}
	last := files[len(files)-1]
	return append(files[:len(files)-1], file{name: "index.json", body: last.body})
}

// Images that cannot be read, next to one that can.
func TestHostileImages(t *testing.T) {
	docker, oci := saved20(app, web), layout(gzipOf, app, web)
	dir := func(i int) string { return hex(fmt.Sprint(app.id(), i)) }
	packedBig := gzipOf(big)
	broken := packedBig[:len(packedBig)/2]
	for name, tc := range map[string]struct {
		files []file
		want  string
	}{
		"missing layer":             {without(docker, dir(1)+"/layer.tar"), `layer 2 ("` + dir(1) + `/layer.tar"): there is no file`},
		"missing configuration":     {without(docker, hex(app.config())+".json"), "there is no file"},
		"configuration is no JSON":  {with(docker, file{name: hex(app.config()) + ".json", body: "\x7fELF"}), "it is not JSON"},
		"configuration is a layer":  {with(docker, file{name: hex(app.config()) + ".json", body: base}), "it is not JSON"},
		"another configuration":     {with(docker, file{name: hex(app.config()) + ".json", body: web.config()}), "digest mismatch"},
		"links in a circle":         {with(docker, file{name: dir(2) + "/layer.tar", link: "../" + dir(3) + "/layer.tar"}, file{name: dir(3) + "/layer.tar", link: "../" + dir(2) + "/layer.tar"}), "layer 3"},
		"link to itself":            {with(docker, file{name: dir(2) + "/layer.tar", link: "layer.tar"}), "circle"},
		"link out":                  {with(docker, file{name: dir(2) + "/layer.tar", link: "../../../../../etc/passwd"}), "there is no file"},
		"fewer layers than counted": {swapManifest(docker, func(m []dockerManifest) { at(m, app).Layers = at(m, app).Layers[1:] }), "its manifest lists 3 layers, and its configuration 4"},
		"layer outside":             {swapManifest(docker, func(m []dockerManifest) { at(m, app).Layers[0] = "../../../etc/passwd" }), `there is no file "../../../etc/passwd"`},
		"absolute layer":            {swapManifest(docker, func(m []dockerManifest) { at(m, app).Layers[0] = "/etc/passwd" }), `there is no file "/etc/passwd"`},
		"layer is JSON":             {swapManifest(docker, func(m []dockerManifest) { at(m, app).Layers[0] = "manifest.json" }), "layer 1 (\"manifest.json\"): it is not a tar"},
		"layer is text":             {with(docker, file{name: dir(1) + "/layer.tar", body: "\x1b[31mhello"}), `it is not a tar: it begins with "\x1b[31mhello"`},
		"layer of bzip2, cut short": {with(docker, file{name: dir(1) + "/layer.tar", body: "BZh91AY&SY"}), "unpacking bzip2 near byte"},
		"layer of xz, cut short":    {with(docker, file{name: dir(1) + "/layer.tar", body: "\xfd7zXZ\x00\x00"}), "unpacking xz near byte 7 of the blob: unexpected EOF"},
		"layer ends early":          {with(docker, file{name: dir(3) + "/layer.tar", body: big[:len(big)/2]}), "layer 4"},
		"gzip ends early":           {with(docker, file{name: dir(3) + "/layer.tar", body: broken}), fmt.Sprintf("unpacking gzip near byte %d of the blob: unexpected EOF", len(broken))},
		"gzip's head alone":         {with(docker, file{name: dir(3) + "/layer.tar", body: packedBig[:5]}), "unpacking gzip near byte 5 of the blob: unexpected EOF"},
		"wrong gzip checksum":       {with(docker, file{name: dir(3) + "/layer.tar", body: flip(packedBig, len(packedBig)-6)}), "unpacking gzip"},
		"zstd ends early":           {with(docker, file{name: dir(3) + "/layer.tar", body: zstdOf(big)[:5000]}), "unpacking zstd near byte 5000 of the blob: unexpected EOF"},
		"corrupt zstd":              {with(docker, file{name: dir(3) + "/layer.tar", body: flip(zstdOf(big), 20000)}), "unpacking zstd"},
		"gzip in gzip":              {with(docker, file{name: dir(3) + "/layer.tar", body: gzipOf(packedBig)}), "layer 4"},
		"corrupt blob":              {with(oci, file{name: place(packedBig), body: flip(packedBig, 50000)}), "digest mismatch: the blob should be " + digest.FromString(packedBig).String()},
		"another blob":              {with(oci, file{name: place(packedBig), body: gzipOf(base)}), "digest mismatch: the blob should be " + digest.FromString(packedBig).String() + ", its contents are " + digest.FromString(gzipOf(base)).String()},
		"missing blob":              {without(oci, place(packedBig)), "layer 4"},
		"missing OCI configuration": {without(oci, place(app.config())), "there is no file"},
		"foreign layer":             {foreign(app, web), `a foreign layer, kept at "https://example.com/layer" and not here: the image cannot be audited without it`},
	} {
		for way, read := range ways {
			if way == "trusted" && strings.HasSuffix(name, " blob") {
				continue // that is what trust is
			}
			t.Run(name+"/"+way, func(t *testing.T) {
				v := newRecorder()
				images, err := read(t, packed(tc.files), v, Options{Names: []string{app.tag, web.tag}})
				assert.NilError(t, err)
				assert.ErrorContains(t, images[0].Err, tc.want)
				assert.ErrorContains(t, images[0].Err, `image "app:1" of `)
				v.expect(t, images[1:], web)
			})
		}
	}
}

func flip(s string, i int) string { return s[:i] + string(s[i]^0x55) + s[i+1:] }

func swapManifest(files []file, change func([]dockerManifest)) []file {
	return swapJSON(files, "manifest.json", change)
}

func swapJSON[T any](files []file, name string, change func(T)) []file {
	var doc T
	for _, f := range files {
		if f.name == name {
			fromJSON(f.body, &doc)
		}
	}
	change(doc)
	return with(files, file{name: name, body: toJSON(doc)})
}

func at(manifests []dockerManifest, p picture) *dockerManifest {
	for i := range manifests {
		if manifests[i].RepoTags[0] == p.tag {
			return &manifests[i]
		}
	}
	panic("no such image")
}

// foreign writes images, the first one's layers being kept elsewhere.
func foreign(first, second picture) []file {
	d, files := manifestOf(gzipOf, first)
	raw := files[len(files)-1]
	var m ocispec.Manifest
	fromJSON(raw.body, &m)
	for i := range m.Layers {
		m.Layers[i].MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
		m.Layers[i].URLs = []string{"https://example.com/layer"}
	}
	platform := d.Platform
	d = describe(ocispec.MediaTypeImageManifest, toJSON(m))
	d.Platform, d.Annotations = platform, map[string]string{ocispec.AnnotationRefName: first.tag}
	other := layout(gzipOf, second)
	index := swapJSON(other, "index.json", func(x *ocispec.Index) { x.Manifests = append(x.Manifests, d) })
	return append(index, blobFile(first.config()), blobFile(toJSON(m)))
}

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
