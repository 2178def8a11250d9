package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/docker-userns/docker-userns/internal/unpack"
)

// ReadStream reads the images of an archive that comes by once, such as the
// body of GET /images/get, and writes nothing to disk. docker save sends the
// manifest after the layers, so every blob that holds a tar is given to v, and
// what looks like JSON is kept, up to 32 MiB of it. The caller closes r, which
// it may do at once when ctx is done.
func ReadStream(ctx context.Context, r io.Reader, v Visitor, o Options) ([]Image, error) {
	return reading{where: "the stream", o: o}.stream(ctx, v, r)
}

func (r reading) stream(ctx context.Context, v Visitor, from io.Reader) ([]Image, error) {
	s, err := r.receive(ctx, v, from)
	if err != nil {
		return nil, err
	}
	return r.images(ctx, v, s)
}

// receive reads a stream to its end.
func (r reading) receive(ctx context.Context, v Visitor, from io.Reader) (*passed, error) {
	end := &tail{r: from}
	s, err := r.takeAll(ctx, v, end)
	if err == nil {
		err = end.drain()
	}
	if said := end.engineError(); said != "" {
		err = fmt.Errorf("the engine broke off: %s", said)
	}
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	if err != nil {
		return nil, r.wrap(err)
	}
	return s, nil
}

// passed is a store of what has come by in a stream.
type passed struct {
	contents
	where   string
	trusted bool
	kept    int // bytes of documents
	proofs  int // bytes of provenance
	tars    int
}

// held is what is known of a blob that came by.
type held struct {
	document []byte
	noJSON   error // why there is no document
	unpack.Result
}

// streams counts them, so that no two of a run share the key of a blob.
var streams atomic.Int64

func (r reading) takeAll(ctx context.Context, v Visitor, from io.Reader) (*passed, error) {
	s := &passed{contents: newContents(), trusted: r.o.Trusted}
	s.where = fmt.Sprintf("%s\x00%d", r.where, streams.Add(1))
	m := unpack.NewMeter(ctx, from)
	src := bufio.NewReaderSize(m, 64<<10)
	if _, err := src.Peek(1); err == io.EOF {
		return nil, errEmpty
	}
	outer, err := unpack.Open(src, m)
	if err != nil {
		return nil, err
	}
	defer outer.Close()
	tr := tar.NewReader(outer)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return s, nil
		}
		if err == nil {
			err = s.take(ctx, v, h, tr)
		}
		if err != nil {
			return nil, fmt.Errorf("near byte %d of the archive: %w", outer.Out(), err)
		}
	}
}

func (s *passed) take(ctx context.Context, v Visitor, h *tar.Header, body io.Reader) error {
	e, err := s.add(h)
	if err != nil || e == nil || e.link != "" {
		return err
	}
	src := bufio.NewReaderSize(body, unpack.HeadSize)
	head, err := src.Peek(unpack.HeadSize)
	if err != nil && err != io.EOF {
		return err
	}
	name := clean(h.Name)
	e.held = &held{noJSON: errNotJSON}
	switch unpack.Sniff(head) {
	case unpack.JSON:
		e.held.Err = errIsJSON
		e.held.document, e.held.noJSON = s.keep(head, src)
	case unpack.PlainTar, unpack.Gzip, unpack.Zstd, unpack.Bzip2, unpack.XZ:
		if s.tars++; s.tars > maxTars {
			return errTars
		}
		e.held.Result = s.read(ctx, v, blobAt{blobKey(s.where, name, e.n), name, e.size}, src)
	default:
		e.held.Err = unpack.NotTar(head)
	}
	return ctx.Err()
}

// read has a visitor read a layer. What comes from an engine of ours is hashed for the cache
// only.
func (s *passed) read(ctx context.Context, v Visitor, b blobAt, src io.Reader) unpack.Result {
	if recallAs(ctx, v, b.key, addressed(b.name).String()) {
		return unpack.Result{}
	}
	by := algorithm(b.name)
	if s.trusted && cacheOf(v) == nil {
		by = ""
	}
	got := readBlob(ctx, v, b, src, by)
	if s.trusted {
		got.Sum = ""
	}
	return got
}

// keep holds a document until the manifest is known.
func (s *passed) keep(head []byte, src io.Reader) ([]byte, error) {
	if bytes.Contains(head, []byte(statement)) {
		return s.keepProof(head, src)
	}
	b, err := readDocument(src)
	if s.kept += len(b); s.kept > maxDocuments {
		s.kept -= len(b)
		return nil, fmt.Errorf("the stream has more than %d MiB of JSON", maxDocuments>>20)
	}
	return bytes.Clone(b), err // of no more than its length: there can be many
}

// keepProof holds an attestation that is provenance. The others, which are large, are of no use.
func (s *passed) keepProof(head []byte, src io.Reader) ([]byte, error) {
	if !bytes.Contains(head, []byte(provenanceType)) || s.proofs > maxProvenances {
		return nil, errors.New("it is an attestation")
	}
	b, err := io.ReadAll(io.LimitReader(src, maxProvenance+1))
	s.proofs += len(b)
	if err == nil && len(b) > maxProvenance {
		return nil, errTooLarge
	}
	return bytes.Clone(b), err
}

func (s *passed) find(name string) (string, int64, error) {
	e, at, err := s.lookup(name)
	if err != nil {
		return "", 0, err
	}
	return blobKey(s.where, at, e.n), e.size, nil
}

func (s *passed) document(name string) ([]byte, error) {
	e, _, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	return e.held.document, e.held.noJSON
}

func (s *passed) visitAll(_ context.Context, _ Visitor, blobs []blob) map[string]unpack.Result {
	results := map[string]unpack.Result{}
	for _, b := range blobs {
		results[b.key] = s.visited(b.name)
	}
	return results
}

func (s *passed) visited(name string) unpack.Result {
	e, _, err := s.lookup(name)
	if err != nil {
		return unpack.Result{Err: err}
	}
	return e.held.Result
}
