package rewrite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Registry is a tag in a registry. A layer is sent as it is made, and one that the
// repository has already is not sent at all. Options are those of the connection.
func Registry(tag name.Tag, options ...remote.Option) Destination {
	never := func(error) bool { return false } // what was sent cannot be read again
	return &registry{tag: tag, options: append(options, remote.WithRetryPredicate(never))}
}

type registry struct {
	tag     name.Tag
	options []remote.Option
}

// Close has nothing to discard: blobs without a manifest are no image.
func (*registry) Close() error { return nil }

// with are the options for a context.
func (g *registry) with(ctx context.Context) []remote.Option {
	return append(g.options[:len(g.options):len(g.options)], remote.WithContext(ctx))
}

// Add uploads a blob.
func (g *registry) Add(ctx context.Context, known Blob, r io.Reader) (Blob, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := &upload{known: known, in: sum(r), stall: time.AfterFunc(uploadStall, func() { cancel(errUpload) })}
	u.stall.Stop()
	defer u.stall.Stop()
	if err := remote.WriteLayer(g.tag.Context(), u, g.with(ctx)...); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return Blob{}, fmt.Errorf("sending a layer to %s: %w", g.tag.RegistryStr(), err)
	}
	if !u.sent {
		return known, nil
	}
	return u.in.blob(known)
}

// Commit uploads the documents, the tag last.
func (g *registry) Commit(ctx context.Context, platforms []Image) error {
	for _, p := range platforms {
		if _, err := g.Add(ctx, Blob{p.ID(), int64(len(p.Config))}, bytes.NewReader(p.Config)); err != nil {
			return err
		}
		at := name.Reference(g.tag)
		if len(platforms) > 1 {
			at = g.tag.Context().Digest(p.Digest().String())
		}
		if err := g.put(ctx, at, document{p.Manifest, p.MediaType}); err != nil {
			return err
		}
	}
	if len(platforms) == 1 {
		return nil
	}
	raw, err := json.Marshal(indexOf(platforms))
	if err != nil {
		return err
	}
	return g.put(ctx, g.tag, document{raw, ocispec.MediaTypeImageIndex})
}

func (g *registry) put(ctx context.Context, at name.Reference, d document) error {
	if err := remote.Put(at, d, g.with(ctx)...); err != nil {
		return fmt.Errorf("writing the manifest of %s: %w", at, err)
	}
	return nil
}

// document is a manifest or an index.
type document struct {
	raw       []byte
	mediaType string
}

// RawManifest is its bytes.
func (d document) RawManifest() ([]byte, error) { return d.raw, nil }

// MediaType is what it is.
func (d document) MediaType() (types.MediaType, error) { return types.MediaType(d.mediaType), nil }

// uploadStall is how long a registry may take nothing of a blob.
const uploadStall = time.Minute

var (
	errUpload = errors.New("the registry takes no more of the layer")
	errTwice  = errors.New("a layer can be sent once only")
)

// upload is a blob on its way to a registry. Its digest may be known only when it is sent.
type upload struct {
	known Blob
	in    *summed
	stall *time.Timer
	sent  bool
	ended bool
}

var _ v1.Layer = (*upload)(nil)

// Digest is that of the blob, once it is known.
func (u *upload) Digest() (v1.Hash, error) {
	switch {
	case u.known.Digest != "":
		return v1.NewHash(u.known.Digest.String())
	case u.ended:
		return v1.NewHash(u.in.sum.Digest().String())
	}
	return v1.Hash{}, stream.ErrNotComputed
}

// DiffID is not asked for.
func (u *upload) DiffID() (v1.Hash, error) { return v1.Hash{}, stream.ErrNotComputed }

// Size is that of the blob, once it is known.
func (u *upload) Size() (int64, error) {
	switch {
	case u.known.Size >= 0:
		return u.known.Size, nil
	case u.ended:
		return u.in.n, nil
	}
	return 0, stream.ErrNotComputed
}

// MediaType is of no matter to a registry.
func (u *upload) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Uncompressed is not asked for.
func (u *upload) Uncompressed() (io.ReadCloser, error) { return nil, errTwice }

// Compressed is the bytes of the blob.
func (u *upload) Compressed() (io.ReadCloser, error) {
	if u.sent {
		return nil, errTwice
	}
	u.sent = true
	return u, nil
}

// Read reads the blob. Between two reads the registry has to take what was read.
func (u *upload) Read(p []byte) (int, error) {
	u.stall.Stop()
	n, err := u.in.Read(p)
	if u.ended = err == io.EOF; err == nil {
		u.stall.Reset(uploadStall)
	}
	return n, err
}

// Close leaves the blob to who has opened it.
func (u *upload) Close() error {
	u.stall.Stop()
	return nil
}
