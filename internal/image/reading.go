package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// A reading is one pass over an archive, folder or stream.
type reading struct {
	where string // for errors
	kind  string // "" to find out
	o     Options
}

func (r reading) wrap(err error) error { return fmt.Errorf("reading %s: %w", r.where, err) }

// images reads the images of a store: first what the manifests say, then the
// layers, each blob once and two at a time.
func (r reading) images(ctx context.Context, v Visitor, s store) ([]Image, error) {
	_, keep := v.(BlobVisitor)
	plans, kind, err := r.plans(&library{store: s, keep: keep, cache: cacheOf(v)})
	if err != nil {
		return nil, r.wrap(err)
	}
	if _, came := s.(interface{ visited(string) unpack.Result }); !came {
		recallPlans(ctx, v, s, plans)
	}
	blobs := blobsOf(s, plans)
	if len(blobs) > maxTars {
		return nil, r.wrap(errTars)
	}
	results := s.visitAll(ctx, v, blobs)
	if err := ctx.Err(); err != nil {
		return nil, r.wrap(err)
	}
	images := make([]Image, len(plans))
	for i, p := range plans {
		p.Source, p.Tags = kind, p.tags
		if p.Err == nil {
			p.Err = p.outcome(results)
		}
		if p.Err != nil {
			p.Err = r.of(p.Name, p.Err)
		}
		images[i] = p.Image
	}
	return images, nil
}

// of names the image, and the place that it is in if that has another name.
func (r reading) of(image string, err error) error {
	if image == r.where {
		return fmt.Errorf("reading image %q: %w", image, err)
	}
	return fmt.Errorf("reading image %q of %s: %w", image, r.where, err)
}

// plans gives the wanted images. Both kinds of manifest in one archive are of
// docker save from 25 on, or of containerd's store: manifest.json has the tags,
// index.json the platforms.
func (r reading) plans(l *library) ([]plan, string, error) {
	kind := r.kind
	if kind == "" {
		switch {
		case l.has(dockerManifestName):
			kind = kindDocker
		case l.has(indexName):
			kind = kindOCI
		default:
			return nil, "", errors.New("not an archive of images, or cut short: there is neither a manifest.json nor an index.json in it")
		}
	}
	read := ociPlans
	if kind == kindDocker && (r.o.Platform == "" || !l.has(indexName)) {
		read = dockerPlans
	}
	plans, err := read(l, r.o)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no image of the kind %q, or cut short: %w", kind, err)
	}
	if err != nil {
		return nil, kind, err
	}
	if len(plans) == 0 {
		return nil, kind, errors.New("it holds no image")
	}
	if kind == kindDocker && !l.keep {
		l.prove(plans)
	}
	if kind == kindDocker || kind == sourceContent {
		forgetPlain(plans)
	}
	nameAll(plans, r.where)
	return r.o.pick(plans), kind, nil
}

// forgetPlain leaves out the digest of a layer that docker save has not
// compressed: it is the DiffID, which engines up to 24 give no second time.
func forgetPlain(plans []plan) {
	for _, p := range plans {
		for i := range p.Layers {
			if p.Layers[i].Digest == p.Layers[i].DiffID {
				p.Layers[i].Digest = ""
			}
		}
	}
}

// nameAll calls images by their first tag; those without one by where they are
// from, or by their IDs where they are many.
func nameAll(plans []plan, where string) {
	for i := range plans {
		switch p := &plans[i]; {
		case len(p.tags) > 0:
			p.Name = p.tags[0]
		case len(plans) == 1 || p.ID == "":
			p.Name = where
		default:
			p.Name = p.ID
		}
	}
}

// inPairs visits blobs two at a time, in their order, and whole ones one at a time.
func inPairs(v Visitor, blobs []blob, visit func(blob) unpack.Result) map[string]unpack.Result {
	var (
		g       errgroup.Group
		mu      sync.Mutex
		results = map[string]unpack.Result{}
	)
	g.SetLimit(2)
	if _, ok := v.(BlobVisitor); ok {
		g.SetLimit(1)
	}
	for _, b := range blobs {
		g.Go(func() error {
			got := visit(b)
			mu.Lock()
			defer mu.Unlock()
			results[b.key] = got
			return nil
		})
	}
	_ = g.Wait() // each result has its own error
	return results
}

type blob struct {
	key, name string
	size      int64
}

// blobsOf are the blobs of images, the largest first, so that the last one does not leave a
// processor idle for long.
func blobsOf(s store, plans []plan) []blob {
	var blobs []blob
	seen := map[string]bool{}
	for _, p := range plans {
		for i, name := range p.blobs {
			if key := p.Layers[i].Blob; p.Err == nil && name != "" && !seen[key] {
				seen[key] = true
				_, size, _ := s.find(name)
				blobs = append(blobs, blob{key, name, size})
			}
		}
	}
	slices.SortStableFunc(blobs, func(a, b blob) int { return int(min(max(b.size-a.size, -1), 1)) })
	return blobs
}

// outcome is the error of the lowest layer that could not be read, or is not
// what its name promises. It notes how each was packed.
func (p plan) outcome(results map[string]unpack.Result) error {
	for i, name := range p.blobs {
		got := results[p.Layers[i].Blob]
		p.Layers[i].Form = got.Form
		if err := outcome(got, name, digest.Digest(p.Layers[i].DiffID)); err != nil {
			return layerError(i, name, err)
		}
	}
	return nil
}

// outcome compares what was hashed with the digest in the blob's name, or,
// if there is none, a layer that is not compressed against its DiffID.
func outcome(got unpack.Result, name string, diffID digest.Digest) error {
	want, what := addressed(clean(name)), "the blob"
	if want == "" && !got.Form.Packed() && got.Err == nil {
		want, what = diffID, "the uncompressed layer"
	}
	switch wrong := got.Sum != "" && want != "" && got.Sum != want; {
	case !wrong:
		return got.Err
	case got.Err == nil:
		return mismatch(what, want, got.Sum)
	}
	return fmt.Errorf("%w: %w", mismatch(what, want, got.Sum), got.Err)
}
