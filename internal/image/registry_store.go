package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/containerd/platforms"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// registryStore shows one name in a registry as the OCI layout that it would
// be in a folder: an index.json of one name, and blobs.
type registryStore struct {
	ctx context.Context // of the reading that the store is made for
	*remote
	*visits
	index []byte
	top   []byte // the manifest or index that the name leads to
	topAt string // its place in the layout
	blobs map[string]registryBlob
}

// registryBlob is what manifests say of a blob that is no manifest, by its
// place in the layout.
type registryBlob struct {
	size int64
	urls []string
}

// visits remembers what came of reading a blob, for all images of a run. Its
// number keeps the keys of one run from those of another.
type visits struct {
	mu    sync.Mutex
	run   int64
	known map[digest.Digest]unpack.Result
}

func newVisits() *visits {
	return &visits{run: streams.Add(1), known: map[digest.Digest]unpack.Result{}}
}

// open reads what a name leads to, and of an index of many platforms keeps the
// wanted ones, so that no others are asked for.
func (s *registryStore) open(ref registryName, asked string, o Options) error {
	b, err := s.manifest(s.ctx, ref.identifier())
	if err != nil {
		return fmt.Errorf("reading the manifest of %q: %w", asked, err)
	}
	d, err := s.hold(ref, b)
	if err != nil {
		return err
	}
	doc, err := parseOCI(b)
	if err != nil {
		return fmt.Errorf("parsing the manifest of %q: %w", asked, err)
	}
	s.learn(doc)
	wanted := []ocispec.Descriptor{{Digest: d, Size: int64(len(b))}}
	if doc.Manifests != nil {
		if wanted, err = narrow(doc.Manifests, o); err != nil {
			return err
		}
	}
	for i := range wanted {
		of := wanted[i].Annotations[attestedDigest]
		wanted[i].Annotations = map[string]string{ocispec.AnnotationRefName: asked, attestedDigest: of}
	}
	s.index, err = json.Marshal(ocispec.Index{Manifests: wanted})
	return err
}

// hold compares the first answer with the digest in the name, if it has one.
func (s *registryStore) hold(ref registryName, b []byte) (digest.Digest, error) {
	d := digest.FromBytes(b)
	if ref.digest != "" {
		if d = ref.digest; d.Validate() != nil || d.Algorithm().FromBytes(b) != d {
			return "", mismatch("the manifest", d, digest.FromBytes(b))
		}
	}
	at, err := blobName(d)
	s.top, s.topAt = b, at
	return d, err
}

// narrow keeps the descriptors of the wanted platforms, and those of attestations. If one does not say
// what it is for, only its contents can tell.
func narrow(all []ocispec.Descriptor, o Options) ([]ocispec.Descriptor, error) {
	var images, attestations []ocispec.Descriptor
	var plans []plan
	for _, d := range all {
		if isAttestation(d) {
			attestations = append(attestations, d)
			continue
		}
		if d.Platform == nil || d.Platform.OS == "" {
			return all, nil
		}
		plans = append(plans, plan{Image: Image{Platform: platforms.Format(*d.Platform), ID: d.Digest.String()}})
		images = append(images, d)
	}
	var wanted []ocispec.Descriptor
	for _, p := range o.choose(plans) {
		if p.Err != nil {
			return nil, p.Err
		}
		for _, d := range images {
			if d.Digest.String() == p.ID {
				wanted = append(wanted, d)
			}
		}
	}
	return append(wanted, attestations...), nil
}

// learn remembers which blobs are no manifests.
func (s *registryStore) learn(doc ociDocument) {
	blobs := doc.Layers
	if doc.Config != nil {
		blobs = append(blobs[:len(blobs):len(blobs)], *doc.Config)
	}
	for _, d := range blobs {
		if at, err := blobName(d.Digest); err == nil {
			s.blobs[at] = registryBlob{d.Size, d.URLs}
		}
	}
}

// find takes blobs to be there, but those that a registry need not have.
func (s *registryStore) find(at string) (string, int64, error) {
	b := s.blobs[at]
	d := addressed(at)
	if at != indexName && d == "" || len(b.urls) > 0 && !s.hasBlob(s.ctx, d.String()) {
		return "", 0, missing(at)
	}
	return fmt.Sprintf("registry\x00%d\x00%s", s.run, d), b.size, nil
}

func (s *registryStore) document(at string) ([]byte, error) {
	switch at {
	case indexName:
		return s.index, nil
	case s.topAt:
		return s.top, nil
	}
	d := addressed(at).String()
	if _, ok := s.blobs[at]; ok {
		body, err := s.blob(s.ctx, d)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return readDocument(body)
	}
	b, err := s.manifest(s.ctx, d)
	if err == nil {
		var doc ociDocument
		if doc, err = parseOCI(b); err == nil {
			s.learn(doc)
		}
	}
	return b, err
}

func (s *registryStore) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	return inPairs(v, blobs, func(b blob) unpack.Result { return s.visit(ctx, v, b.name) })
}

func (s *registryStore) visit(ctx context.Context, v Visitor, at string) unpack.Result {
	d := addressed(at)
	s.mu.Lock()
	got, ok := s.known[d]
	s.mu.Unlock()
	if ok {
		return got
	}
	got = s.fetch(ctx, v, at)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[d] = got
	return got
}

func (s *registryStore) fetch(ctx context.Context, v Visitor, at string) unpack.Result {
	d := addressed(at)
	key, size, err := s.find(at)
	if err != nil {
		return unpack.Result{Err: err}
	}
	if v.Seen(key) {
		return unpack.Result{}
	}
	body, err := s.blob(ctx, d.String())
	if err != nil {
		return unpack.Result{Err: err}
	}
	defer body.Close()
	return readBlob(ctx, v, blobAt{key, at, size}, &bounded{body, size}, d.Algorithm())
}

// bounded ends a blob that is longer than its manifest says, which could go on
// for ever.
type bounded struct {
	r    io.Reader
	left int64
}

var errLonger = errors.New("the blob is longer than its manifest says")

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLonger
	}
	return n, err
}
