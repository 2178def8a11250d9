package image

import (
	"context"
	"io"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
)

// blobAt is a blob of a place: the key that visitors know it by, its name there, and its
// size in bytes.
type blobAt struct {
	key, name string
	size      int64
}

// readBlob has a visitor read a blob, which is hashed with an algorithm if one is given.
func readBlob(ctx context.Context, v Visitor, b blobAt, r io.Reader, by digest.Algorithm) unpack.Result {
	if whole, ok := v.(BlobVisitor); ok {
		return unpack.Whole(ctx, r, by, func(r io.Reader) error { return whole.Blob(ctx, clean(b.name), b.size, r) })
	}
	t := take(v, b.key)
	return t.end(unpack.Read(ctx, r, by, t.walk), "")
}

// readExtent has a visitor read a blob that lies in a file, from off on, if it has not seen it.
func readExtent(ctx context.Context, v Visitor, b blobAt, f io.ReaderAt, off int64) unpack.Result {
	if v.Seen(b.key) {
		form, err := unpack.FormOf(f, off, b.size)
		return unpack.Result{Form: form, Err: err}
	}
	if _, ok := v.(BlobVisitor); ok {
		return readBlob(ctx, v, b, io.NewSectionReader(unpack.WithContext(ctx, f), off, b.size), algorithm(b.name))
	}
	t := take(v, b.key)
	name := layercache.Extent(f, off, b.size)
	got := unpack.ReadExtent(ctx, f, off, b.size, algorithm(b.name), t.walk)
	if layercache.Extent(f, off, b.size) != name {
		name = "" // somebody writes to it
	}
	return t.end(got, name)
}
