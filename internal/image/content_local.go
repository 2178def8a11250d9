package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// An Opener is a machine whose files this process can open itself.
type Opener interface {
	Open(p host.Path) (*os.File, error)
}

// localBlobs is a blobStore of files that this process opens.
type localBlobs struct {
	files  Opener
	folder string
}

func (s localBlobs) open(name string) (*os.File, int64, error) {
	f, err := s.files.Open(host.Path{Name: path.Join(s.folder, clean(name))})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missing(name)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (s localBlobs) find(name string) (int64, error) {
	f, size, err := s.open(name)
	if err == nil {
		f.Close()
	}
	return size, err
}

func (s localBlobs) document(name string) ([]byte, error) {
	f, _, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readDocument(f)
}

// nameHere is good as long as nobody writes to the file.
func (s localBlobs) nameHere(name string) string {
	f, size, err := s.open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	return layercache.Extent(f, 0, size)
}

func (s localBlobs) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	return inPairs(v, blobs, func(b blob) unpack.Result {
		f, size, err := s.open(b.name)
		if err != nil {
			return unpack.Result{Err: err}
		}
		defer f.Close()
		return readExtent(ctx, v, blobAt{b.key, b.name, size}, f, 0)
	})
}
