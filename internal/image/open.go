package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/unpack"
)

// Kinds of what is read, as Image.Source has them.
const (
	kindDocker = "docker-archive"
	kindOCI    = "oci-archive"
	kindOCIDir = "oci"
	kindDir    = "dir"
)

// Open gives the source for a path: a folder with an OCI layout or as skopeo
// writes one, or an archive as docker save, podman save, skopeo or buildx write it,
// which may be compressed as a whole. Of an archive that is docker's and OCI's at
// once, docker's part is read, since it has the tags. What is no file of its own (a
// pipe) is read as a stream.
//
// Whatever is read whole is checked against its digest. Layers that lie in a file
// uncompressed are not: their bodies are passed over.
func Open(path string, o Options) (Source, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return fileSource{path: path, o: o}, nil
	case !has(path, indexName) && has(path, dockerManifestName):
		return Dir(path, o), nil
	}
	return OCIDir(path, o), nil
}

// pathSource is what a user named by its path.
type pathSource struct {
	path string
	o    Options
}

func (s pathSource) Images(ctx context.Context, v Visitor) ([]Image, error) {
	src, err := Open(s.path, s.o)
	if err != nil {
		return nil, err
	}
	return src.Images(ctx, v)
}

// DockerArchive is the source of an archive with a manifest.json, as docker
// save writes it.
func DockerArchive(path string, o Options) Source { return fileSource{path, kindDocker, o} }

// OCIArchive is the source of an archive with an index.json: an OCI layout,
// packed with tar.
func OCIArchive(path string, o Options) Source { return fileSource{path, kindOCI, o} }

// OCIDir is the source of a folder with an OCI layout. Symbolic links that lead
// out of the folder are not followed.
func OCIDir(path string, o Options) Source { return dirSource{path, kindOCIDir, o} }

// Dir is the source of a folder as skopeo writes it: a manifest.json of OCI or of
// docker's schema 2, and blobs that are called by their digests.
func Dir(path string, o Options) Source { return dirSource{path, kindDir, o} }

// Stream is the source of an archive that comes by once, such as standard
// input; name is for errors and for images without a tag. Cancelling the
// context ends it even while r waits for bytes, which one goroutine may then go
// on doing.
func Stream(name string, r io.Reader, o Options) Source { return streamSource{name, r, "", o} }

// fileSource is an archive in a file.
type fileSource struct {
	path string
	kind string // "" to find out
	o    Options
}

func (s fileSource) Images(ctx context.Context, v Visitor) ([]Image, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("it is a folder: one with an OCI layout is read as oci:%s", s.path)
	}
	if !info.Mode().IsRegular() {
		return streamSource{s.path, f, s.kind, s.o}.Images(ctx, v)
	}
	return s.read(ctx, v, f, info.Size())
}

var errEmpty = errors.New("it is empty: what was to write it may have failed")

func (s fileSource) read(ctx context.Context, v Visitor, f io.ReaderAt, size int64) ([]Image, error) {
	head := make([]byte, min(unpack.HeadSize, size))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	r := reading{where: s.path, kind: s.kind, o: s.o}
	if size == 0 {
		return nil, r.wrap(errEmpty)
	}
	switch unpack.Sniff(head) {
	case unpack.PlainTar:
	case unpack.Gzip, unpack.Zstd, unpack.Bzip2, unpack.XZ:
		return r.stream(ctx, v, io.NewSectionReader(f, 0, size))
	default:
		return nil, r.wrap(unpack.NotTar(head))
	}
	// Two names of one file in one run are one set of blobs.
	where, err := filepath.Abs(s.path)
	if err != nil {
		return nil, err
	}
	a, err := indexArchive(ctx, f, size, where)
	if err != nil {
		return nil, r.wrap(err)
	}
	return r.images(ctx, v, a)
}

// dirSource is an OCI layout in a folder, or what skopeo makes of one.
type dirSource struct {
	path string
	kind string
	o    Options
}

func (s dirSource) Images(ctx context.Context, v Visitor) ([]Image, error) {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	where, err := filepath.Abs(s.path)
	if err != nil {
		return nil, err
	}
	r := reading{where: s.path, kind: s.kind, o: s.o}
	in := folder{root, where}
	if s.kind == kindOCIDir {
		return r.images(ctx, v, in)
	}
	flat, err := newFlat(in)
	if err != nil {
		return nil, r.wrap(err)
	}
	return r.images(ctx, v, flat)
}

// streamSource is an archive that comes by once.
type streamSource struct {
	name string
	r    io.Reader
	kind string
	o    Options
}

func (s streamSource) Images(ctx context.Context, v Visitor) ([]Image, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return reading{where: s.name, kind: s.kind, o: s.o}.stream(ctx, v, readAhead(ctx, s.r))
}
