package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/headers"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Lender is a machine that a program of ours can run on, and whose files can be read.
type Lender interface {
	Files
	Do(ctx context.Context, p host.Program, j host.Job, read func(output io.Reader) error) error
}

// remoteBlobs is a blobStore on another machine, or one that takes sudo. Its documents are
// read before, those of all images together, and checked against their digests here. Its
// layers are read by a program that the machine is lent, which sends their headers.
type remoteBlobs struct {
	host      Lender
	program   host.Program
	folder    string
	engine    string // whose word its layers are, for the cache; "" for nobody's
	documents map[string]document
	sizes     map[string]int64 // of layers, as manifests have them
	denied    error            // why a document could not be read
	left      int              // bytes of documents that there is room for
	asked     int              // documents
	proofs    int64            // bytes of attestations
}

type document struct {
	body []byte
	err  error
}

const (
	maxDocumentsLent = 128 << 20 // bytes
	maxNamesLent     = 50_000    // of documents that are asked for
	maxRounds        = maxDepth + 2
)

// openRemote reads the documents of images, and tries the program. It is nil if
// there are no documents that can be read; the error says why, or why the program does not run.
func openRemote(ctx context.Context, from Lender, p host.Program, folder, engine string, requests []request) (blobStore, error) {
	s := &remoteBlobs{host: from, program: p, folder: folder, engine: engine, documents: map[string]document{}, sizes: map[string]int64{}, left: maxDocumentsLent}
	var names []string
	for _, id := range idsOf(requests) {
		if name, err := blobName(digest.Digest(id)); err == nil {
			names = append(names, name)
		}
	}
	for range maxRounds {
		names = s.gather(ctx, names)
	}
	if len(s.documents) == 0 {
		return nil, s.denied
	}
	if err := s.do(ctx, nil, func(int, tarwalk.Skipper) error { return nil }, func(int, unpack.Result) {}); err != nil {
		return nil, err
	}
	return s, nil
}

// gather reads documents in one round trip, and gives the names of those that they lead
// to. What is missing is no error before somebody asks for it.
func (s *remoteBlobs) gather(ctx context.Context, names []string) (next []string) {
	var paths []host.Path
	byPath := map[host.Path]string{}
	for _, name := range names {
		p := host.Path{Name: path.Join(s.folder, name)}
		if _, ok := s.documents[name]; !ok && byPath[p] == "" && s.asked < maxNamesLent {
			s.asked++
			byPath[p] = name
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	_ = s.host.ReadFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			s.denied = fmt.Errorf("reading %s: %w", p, err)
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return nil
		}
		var d document
		if d.err = err; err == nil {
			d.body, d.err = readDocument(body)
		}
		if s.left -= len(d.body); s.left < 0 {
			return errTooLarge
		}
		s.documents[byPath[p]] = d
		if names := s.learn(d.body); len(next) < maxNamesLent {
			next = append(next, names...)
		}
		return nil
	})
	return next
}

// learn gives the documents that an index or a manifest leads to.
func (s *remoteBlobs) learn(body []byte) (names []string) {
	d, err := parseOCI(body)
	if err != nil || new(tally).add(body) != nil {
		return nil
	}
	all := d.Manifests[:min(len(d.Manifests), maxLeafs)]
	if d.Config != nil {
		all = append(all, *d.Config)
	}
	for _, m := range all {
		if name, err := blobName(m.Digest); err == nil && (!isAttestation(m) || s.affords(m)) {
			names = append(names, name)
		}
	}
	for _, l := range d.Layers[:min(len(d.Layers), maxLayers)] {
		name, err := blobName(l.Digest)
		switch {
		case err != nil:
		case isProvenance(l):
			if s.affords(l) {
				names = append(names, name)
			}
		default:
			s.sizes[name] = min(max(l.Size, 0), maxBlob)
		}
	}
	return names
}

// affords reports whether there is room for a document of an attestation, and counts it.
func (s *remoteBlobs) affords(d ocispec.Descriptor) bool {
	if d.Size < 0 || d.Size > maxProvenance || s.proofs+d.Size > maxProvenances {
		return false
	}
	s.proofs += d.Size
	return true
}

func (s *remoteBlobs) find(name string) (int64, error) {
	if d, ok := s.documents[clean(name)]; ok {
		return int64(len(d.body)), nil
	}
	if size, ok := s.sizes[clean(name)]; ok {
		return size, nil
	}
	return 0, missing(name)
}

func (s *remoteBlobs) nameHere(name string) string {
	return layerOf(s.engine, addressed(clean(name)).String())
}

func (s *remoteBlobs) document(name string) ([]byte, error) {
	d, ok := s.documents[clean(name)]
	if !ok {
		return nil, missing(name)
	}
	return d.body, d.err
}

func (s *remoteBlobs) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	results := map[string]unpack.Result{}
	if len(blobs) == 0 {
		return results
	}
	last, cancel := late(ctx)
	defer cancel()
	var t *taking // they come one after the other
	err := s.do(ctx, blobs, func(i int, tar tarwalk.Skipper) error {
		t = take(v, blobs[i].key)
		return t.walk(last, tar)
	}, func(i int, got unpack.Result) {
		results[blobs[i].key] = got
		if t != nil {
			t.heard(got, blobs[i].name, s.nameHere(blobs[i].name))
			t = nil
		}
	})
	if t != nil {
		t.kept.Drop() // the answer ended in it
	}
	for _, b := range blobs {
		if _, ok := results[b.key]; !ok {
			results[b.key] = unpack.Result{Err: err}
		}
	}
	return results
}

// How long a program may take: it reads at least so many bytes of blobs a second, after
// a while.
const (
	leastRate = 4 << 20
	leastTime = time.Minute
	maxBlob   = 1 << 40 // bytes
)

// do has the program read blobs. It ends by itself at ctx's deadline, so that the
// connection stays.
func (s *remoteBlobs) do(ctx context.Context, blobs []blob, visit func(int, tarwalk.Skipper) error, done func(int, unpack.Result)) error {
	ms := int64(0)
	if at, ok := ctx.Deadline(); ok {
		ms = max(1, time.Until(at).Milliseconds())
	}
	j := host.Job{Args: []string{"headers", s.folder, strconv.FormatInt(ms, 10)}, Wait: leastTime}
	digests := make([]digest.Digest, len(blobs))
	var lines strings.Builder
	for i, b := range blobs {
		digests[i] = addressed(b.name)
		fmt.Fprintln(&lines, digests[i])
		j.Wait += time.Duration(b.size/leastRate) * time.Second
	}
	j.Stdin = []byte(lines.String())
	last, cancel := late(ctx)
	defer cancel()
	return s.host.Do(last, s.program, j, func(output io.Reader) error {
		return headers.Receive(output, digests, visit, done)
	})
}

// lateness is how much longer an answer is waited for than there is time for the work.
const lateness = 10 * time.Second

// late is ctx with a later deadline: what ends the wait for an answer, ends the connection.
func late(ctx context.Context) (context.Context, context.CancelFunc) {
	at, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	last, cancel := context.WithDeadline(context.WithoutCancel(ctx), at.Add(lateness))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return last, func() { stop(); cancel() }
}
