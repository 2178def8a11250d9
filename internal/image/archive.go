package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// archive is a store in a tar that can be read at any place.
type archive struct {
	contents
	f     io.ReaderAt
	where string
}

// indexArchive finds the files of an archive. archive/tar does it: the files
// are few, each header is read as the engine would read it, and bodies are
// passed over by seeking.
func indexArchive(ctx context.Context, f io.ReaderAt, size int64, where string) (*archive, error) {
	a := &archive{contents: newContents(), f: f, where: where}
	s := io.NewSectionReader(unpack.WithContext(ctx, f), 0, size)
	tr := tar.NewReader(s)
	for {
		h, err := tr.Next()
		at, _ := s.Seek(0, io.SeekCurrent)
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archive's headers near byte %d: %w", at, err)
		}
		e, err := a.add(h)
		if err != nil {
			return nil, err
		}
		if e != nil {
			e.off = at
		}
	}
}

func (a *archive) find(name string) (string, int64, error) {
	e, at, err := a.lookup(name)
	if err != nil {
		return "", 0, err
	}
	return blobKey(a.where, at, e.n), e.size, nil
}

// nameHere is good as long as nobody writes to the file.
func (a *archive) nameHere(name string) string {
	e, _, err := a.lookup(name)
	if err != nil {
		return ""
	}
	return layercache.Extent(a.f, e.off, e.size)
}

// blobKey tells apart two entries of one name, and those of two archives.
func blobKey(where, name string, n int) string {
	return where + "\x00" + name + "\x00" + strconv.Itoa(n)
}

func (a *archive) document(name string) ([]byte, error) {
	e, _, err := a.lookup(name)
	if err != nil {
		return nil, err
	}
	return readDocument(io.NewSectionReader(a.f, e.off, e.size))
}

func (a *archive) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	return inPairs(v, blobs, func(b blob) unpack.Result { return a.visit(ctx, v, b.name) })
}

func (a *archive) visit(ctx context.Context, v Visitor, name string) unpack.Result {
	e, at, err := a.lookup(name)
	if err != nil {
		return unpack.Result{Err: err}
	}
	return readExtent(ctx, v, blobAt{blobKey(a.where, at, e.n), name, e.size}, a.f, e.off)
}
