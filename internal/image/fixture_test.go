package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// file is one entry of an archive, or file of a folder.
type file struct {
	name, body, link string
}

// picture is an image that a test wants to find again.
type picture struct {
	tag      string
	platform string // linux/amd64 where empty
	user     string
	layers   []string // uncompressed tars
}

// layer makes a tar of empty files, written "name:uid:gid".
func layer(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}
		name, ids, _ := strings.Cut(f, ":")
		h.Name = name
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		fmt.Sscanf(ids, "%d:%d", &h.Uid, &h.Gid)
		must(w.WriteHeader(h))
	}
	must(w.Close())
	return b.String()
}

// bodied makes a tar of one file with a body of n bytes that compress badly.
func bodied(name string, n int) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(n)}))
	x := uint32(1)
	for range n {
		x = x*1664525 + 1013904223
		w.Write([]byte{byte(x >> 24)})
	}
	must(w.Close())
	return b.String()
}

func (p picture) config() string {
	os, arch, _ := strings.Cut(cmp.Or(p.platform, "linux/amd64"), "/")
	arch, variant, _ := strings.Cut(arch, "/")
	c := ocispec.Image{
		Platform: ocispec.Platform{OS: os, Architecture: arch, Variant: variant},
		Config:   ocispec.ImageConfig{User: p.user},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{}},
	}
	for i, l := range p.layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromString(l))
		c.History = append(c.History, ocispec.History{CreatedBy: fmt.Sprintf("RUN %d", i)})
	}
	return toJSON(c)
}

func (p picture) id() string { return digest.FromString(p.config()).String() }

func toJSON(v any) string {
	b, err := json.Marshal(v)
	must(err)
	return string(b)
}

// saved20 writes images as docker save of 20.10 to 24 does (FACTS: image/tarexport
// of moby): a folder a layer, a layer that is there already as a link to it.
func saved20(pictures ...picture) []file {
	var files []file
	var manifests []dockerManifest
	at := map[string]string{}
	for _, p := range pictures {
		m := dockerManifest{Config: hex(p.config()) + ".json", RepoTags: []string{p.tag}}
		files = append(files, file{name: m.Config, body: p.config()})
		for i, l := range p.layers {
			dir := hex(fmt.Sprint(p.id(), i))
			f := file{name: dir + "/layer.tar", body: l}
			if first := at[l]; first != "" {
				f = file{name: f.name, link: "../" + first}
			} else {
				at[l] = f.name
			}
			files = append(files, f, file{name: dir + "/VERSION", body: "1.0"}, file{name: dir + "/json", body: `{"id":"` + dir + `"}`})
			m.Layers = append(m.Layers, f.name)
		}
		manifests = append(manifests, m)
	}
	files = append(files, file{name: "manifest.json", body: toJSON(manifests)}, file{name: "repositories", body: `{"app":{"1":"x"}}`})
	return sorted(files)
}

// saved25 writes images as docker save does from 25 on: an OCI layout that has a
// manifest.json as well, and layers that are not compressed.
func saved25(pictures ...picture) []file { return bothKinds(plain, pictures...) }

// bothKinds is saved25 with the layers packed, as containerd's store saves them.
func bothKinds(pack func(string) string, pictures ...picture) []file {
	files := layout(pack, pictures...)
	var manifests []dockerManifest
	for _, p := range pictures {
		m := dockerManifest{Config: place(p.config()), RepoTags: []string{p.tag}}
		for _, l := range p.layers {
			m.Layers = append(m.Layers, place(pack(l)))
		}
		manifests = append(manifests, m)
	}
	return sorted(append(files, file{name: "manifest.json", body: toJSON(manifests)}))
}

// layout writes images as an OCI layout. Those of one tag share an index.
func layout(pack func(string) string, pictures ...picture) []file {
	var root []ocispec.Descriptor
	files := []file{{name: "oci-layout", body: `{"imageLayoutVersion":"1.0.0"}`}}
	byTag := map[string][]ocispec.Descriptor{}
	for _, p := range pictures {
		d, blobs := manifestOf(pack, p)
		files = append(files, blobs...)
		byTag[p.tag] = append(byTag[p.tag], d)
	}
	for tag, all := range byTag {
		d := all[0]
		if len(all) > 1 {
			index := toJSON(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: all})
			files = append(files, blobFile(index))
			d = describe(ocispec.MediaTypeImageIndex, index)
		}
		d.Annotations = map[string]string{annotationImageName: "docker.io/library/" + tag, ocispec.AnnotationRefName: tag}
		root = append(root, d)
	}
	slices.SortFunc(root, func(a, b ocispec.Descriptor) int {
		return cmp.Compare(a.Annotations[ocispec.AnnotationRefName], b.Annotations[ocispec.AnnotationRefName])
	})
	return sorted(append(files, file{name: "index.json", body: toJSON(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: root})}))
}

func manifestOf(pack func(string) string, p picture) (ocispec.Descriptor, []file) {
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: describe(ocispec.MediaTypeImageConfig, p.config())}
	files := []file{blobFile(p.config())}
	for _, l := range p.layers {
		m.Layers = append(m.Layers, describe(ocispec.MediaTypeImageLayerGzip, pack(l)))
		files = append(files, blobFile(pack(l)))
	}
	d := describe(ocispec.MediaTypeImageManifest, toJSON(m))
	os, arch, _ := strings.Cut(cmp.Or(p.platform, "linux/amd64"), "/")
	arch, variant, _ := strings.Cut(arch, "/")
	d.Platform = &ocispec.Platform{OS: os, Architecture: arch, Variant: variant}
	return d, append(files, blobFile(toJSON(m)))
}

func describe(mediaType, body string) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(body), Size: int64(len(body))}
}

func hex(body string) string    { return digest.FromString(body).Encoded() }
func place(body string) string  { return "blobs/sha256/" + hex(body) }
func blobFile(body string) file { return file{name: place(body), body: body} }
func plain(b string) string     { return b }

func gzipOf(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	must(w.Close())
	return b.String()
}

func zstdOf(s string) string {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	must(err)
	return string(w.EncodeAll([]byte(s), nil))
}

// sorted orders files as the engine's walk of a folder does, each name once.
func sorted(files []file) []file {
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return slices.CompactFunc(files, func(a, b file) bool { return a == b })
}

// without leaves out a file, with adds some or puts them in the place of others.
func without(files []file, name string) []file {
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return f.name == name })
}

func with(files []file, more ...file) []file {
	for _, f := range more {
		files = append(without(files, f.name), f)
	}
	return files
}

// packed makes a tar of files, with the folders that docker save writes first.
func packed(files []file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dirs := map[string]bool{}
	for _, f := range files {
		if dir := filepath.Dir(f.name); dir != "." && !dirs[dir] {
			dirs[dir] = true
			must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}))
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o644, Size: int64(len(f.body))}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		must(w.WriteHeader(h))
		io.WriteString(w, f.body)
	}
	must(w.Close())
	return b.Bytes()
}

func inFile(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	must(os.WriteFile(name, b, 0o600))
	return name
}

func inFolder(t testing.TB, files []file) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		must(os.MkdirAll(filepath.Dir(name), 0o700))
		if f.link != "" {
			must(os.Symlink(f.link, name))
			continue
		}
		must(os.WriteFile(name, []byte(f.body), 0o600))
	}
	return dir
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func fromJSON(s string, v any) { must(json.Unmarshal([]byte(s), v)) }
