package rewrite

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is what is known of a blob.
type Blob struct {
	Digest digest.Digest // "" if unknown
	Size   int64         // in bytes, below 0 if unknown
}

// unknownBlob is one that is still being made.
var unknownBlob = Blob{Size: -1}

// A Destination takes the blobs of new images, one at a time, and then their documents.
type Destination interface {
	// Add stores what it reads from r, to its end, and gives its digest and size. What is
	// known of them before must be true, otherwise it is an error.
	Add(ctx context.Context, known Blob, r io.Reader) (Blob, error)
	// Commit makes an image out of the blobs: one for each platform.
	Commit(ctx context.Context, platforms []Image) error
	// Close discards all that was not committed.
	Close() error
}

// Image is a new image for one platform, whose layers a destination has already.
type Image struct {
	Platform  ocispec.Platform
	MediaType string // of the manifest
	Manifest  []byte
	Config    []byte
	Layers    []Blob
	DiffIDs   []digest.Digest // of the layers
	// Changed reports whether it is another one than the original.
	Changed bool
}

// ID is the digest of its configuration.
func (i Image) ID() digest.Digest { return digest.FromBytes(i.Config) }

// Digest is that of its manifest.
func (i Image) Digest() digest.Digest { return digest.FromBytes(i.Manifest) }

// summed reads a blob, and counts and hashes it.
type summed struct {
	r   io.Reader
	sum digest.Digester
	n   int64
}

func sum(r io.Reader) *summed { return &summed{r: r, sum: digest.SHA256.Digester()} }

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	s.sum.Hash().Write(p[:n])
	return n, err
}

// blob is what was read. It is an error if it is not as it was known to be.
func (s *summed) blob(known Blob) (Blob, error) {
	got := Blob{s.sum.Digest(), s.n}
	if known.Digest != "" && known.Digest != got.Digest || known.Size >= 0 && known.Size != got.Size {
		return got, fmt.Errorf("the blob should be %s with %d bytes, and is %s with %d", known.Digest, known.Size, got.Digest, got.Size)
	}
	return got, nil
}
