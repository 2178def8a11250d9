package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

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
