package image

import (
	"context"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
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
	return unpack.Read(ctx, r, by, visiting(v, b.key))
}

// readExtent has a visitor read a blob that lies in a file, from off on.
func readExtent(ctx context.Context, v Visitor, b blobAt, f io.ReaderAt, off int64) unpack.Result {
	if _, ok := v.(BlobVisitor); ok {
		return readBlob(ctx, v, b, io.NewSectionReader(unpack.WithContext(ctx, f), off, b.size), algorithm(b.name))
	}
	return unpack.ReadExtent(ctx, f, off, b.size, algorithm(b.name), visiting(v, b.key))
}

// visiting has a visitor read the headers of a blob.
func visiting(v Visitor, key string) unpack.Walk {
	return func(ctx context.Context, tar io.Reader) error { return v.Layer(ctx, key, tarwalk.NewReader(tar)) }
}
