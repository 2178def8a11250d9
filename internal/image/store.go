package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// A store is an archive, folder or stream that holds blobs by name, the names
// being those of an archive's entries. Nothing in it is trusted.
type store interface {
	// find gives the key of the blob that a name leads to, and its size. The
	// error is an fs.ErrNotExist if there is none.
	find(name string) (key string, size int64, err error)
	// document gives a JSON blob, which is of maxDocument bytes at most.
	document(name string) ([]byte, error)
	// visitAll has v read blobs, and says by their keys what came of it.
	visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result
}

// library reads the documents of a store, and no more of them than there is
// memory for.
type library struct {
	store
	keep  bool // documents are wanted as they are
	cache *layercache.Cache
	taken tally
	// proofs are the bytes of provenance that were read.
	proofs int
}

// read gives a document, checked against the digest in its name.
func (l *library) read(name string) ([]byte, error) {
	b, err := l.document(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	if want := addressed(clean(name)); want != "" {
		if got := want.Algorithm().FromBytes(b); got != want {
			return nil, mismatch(fmt.Sprintf("%q", name), want, got)
		}
	}
	if err := l.taken.add(b); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return b, nil
}

func (l *library) has(name string) bool {
	_, _, err := l.find(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// readDocument reads JSON whole, up to the limit.
func readDocument(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxDocument:
		return nil, errTooLarge
	case unpack.Sniff(b[:min(len(b), unpack.HeadSize)]) != unpack.JSON:
		return nil, errNotJSON
	}
	return b, nil
}

var (
	errTooLarge = fmt.Errorf("it is larger than the %d MiB that a manifest or configuration may have", maxDocument>>20)
	errNotJSON  = errors.New("it is not JSON")
)
