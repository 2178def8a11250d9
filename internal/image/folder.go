package image

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// folder is a store in a folder, which os.Root keeps every name inside of.
type folder struct {
	root  *os.Root
	where string
}

func (d folder) find(name string) (string, int64, error) {
	info, err := d.root.Stat(clean(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, missing(name)
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, errors.New("it is not a regular file")
	}
	return d.where + "\x00" + clean(name), info.Size(), nil
}

// open opens a file that find has found to be one: opening a pipe would wait
// for somebody to write to it.
func (d folder) open(name string) (*os.File, int64, error) {
	_, size, err := d.find(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := d.root.Open(clean(name))
	return f, size, err
}

func (d folder) document(name string) ([]byte, error) {
	f, _, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readDocument(f)
}

// nameHere is good as long as nobody writes to the file.
func (d folder) nameHere(name string) string {
	f, size, err := d.open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	return layercache.Extent(f, 0, size)
}

func (d folder) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	return inPairs(v, blobs, func(b blob) unpack.Result { return d.visit(ctx, v, b.name) })
}

func (d folder) visit(ctx context.Context, v Visitor, name string) unpack.Result {
	return d.read(ctx, v, name, name)
}

// read has a visitor read a file, which is a blob by another name.
func (d folder) read(ctx context.Context, v Visitor, name, at string) unpack.Result {
	f, size, err := d.open(name)
	if err != nil {
		return unpack.Result{Err: err}
	}
	defer f.Close()
	return readExtent(ctx, v, blobAt{d.where + "\x00" + clean(name), at, size}, f, 0)
}
