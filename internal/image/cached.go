package image

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// Cached is a Visitor that is given layers out of a cache, if they are in there. Those are
// not read where they lie, so what lies there is not held against its digest.
//
// A layer is kept under a digest only if that was computed here: of the blob as it is
// stored, or of the tar in it. What an engine says of a layer is kept as the word of this
// engine, and what was read of a file without all its bytes as that of the file, as long
// as it does not change: no other place is answered with it.
type Cached struct {
	Visitor
	Layers *layercache.Cache // nil keeps nothing
}

func cacheOf(v Visitor) *layercache.Cache {
	c, _ := v.(Cached)
	return c.Layers
}

// recall has v read layers out of its cache, two at a time. Each has some names in there, of
// which any will do. It gives what v knows them by, "" for those that are not in the cache.
func recall(ctx context.Context, v Visitor, layers [][]string) []string {
	keys := make([]string, len(layers))
	if cacheOf(v) == nil {
		return keys
	}
	var g errgroup.Group
	g.SetLimit(2)
	once := map[string]func() string{}
	for i, names := range layers {
		all := strings.Join(names, "\n")
		if once[all] == nil {
			once[all] = sync.OnceValue(func() string { return recallAny(ctx, v, names) })
		}
		find := once[all]
		g.Go(func() error {
			keys[i] = find()
			return nil
		})
	}
	_ = g.Wait() // there are no errors
	return keys
}

func recallAny(ctx context.Context, v Visitor, names []string) string {
	for _, name := range names {
		key := "cached\x00" + name
		if name != "" && (v.Seen(key) || recallAs(ctx, v, key, name)) {
			return key
		}
	}
	return ""
}

// recallAs has v read one layer by a key of its own.
func recallAs(ctx context.Context, v Visitor, key, name string) bool {
	return cacheOf(v).Layer(name, func(h tarwalk.Headers) error { return v.Layer(ctx, key, h) })
}

// A witness is a store whose layers have a name that holds for this place only.
type witness interface{ nameHere(blob string) string }

// recallPlans leaves out of images the blobs that need not be read. The DiffID is only
// what an image claims, so the layer is from then on that of the DiffID and no blob:
// other images may have the blob too.
func recallPlans(ctx context.Context, v Visitor, s store, plans []plan) {
	var names [][]string
	for _, p := range plans {
		for i, blob := range p.readable() {
			n := []string{addressed(clean(blob)).String(), p.Layers[i].DiffID}
			if w, ok := s.(witness); ok {
				n = append(n, w.nameHere(blob))
			}
			names = append(names, n)
		}
	}
	keys := recall(ctx, v, names)
	for _, p := range plans {
		for i := range p.readable() {
			if key := keys[0]; key != "" {
				p.Layers[i].Blob, p.blobs[i] = key, ""
			}
			keys = keys[1:]
		}
	}
}

// readable are the blobs of an image, none if it has an error.
func (p plan) readable() []string {
	if p.Err != nil {
		return nil
	}
	return p.blobs
}

// A taking reads a blob for a visitor, and keeps what is read in the visitor's cache.
type taking struct {
	v      Visitor
	key    string
	kept   *layercache.Recording
	diffID string // of what is compressed
}

func take(v Visitor, key string) *taking {
	return &taking{v: v, key: key, kept: cacheOf(v).Record()}
}

// walk has the visitor read the headers of a blob.
func (t *taking) walk(ctx context.Context, tar io.Reader) error {
	packed, ok := tar.(*unpack.Unpacker)
	if t.kept == nil || !ok || !packed.Form().Packed() {
		return t.v.Layer(ctx, t.key, t.kept.Tape(tarwalk.NewReader(tar)))
	}
	sum := digest.SHA256.Digester()
	summed := io.TeeReader(tar, sum.Hash())
	err := t.v.Layer(ctx, t.key, t.kept.Tape(tarwalk.NewReader(summed)))
	if err == nil {
		_, err = io.Copy(io.Discard, summed)
	}
	t.diffID = sum.Digest().String()
	return err
}

// end keeps a layer that was read whole, by its digests or else by another name.
func (t *taking) end(got unpack.Result, other string) unpack.Result {
	switch {
	case got.Err != nil:
		t.kept.Drop()
	case got.Sum != "":
		t.kept.Keep(got.Sum.String(), t.diffID)
	default:
		t.kept.Keep(other)
	}
	return got
}

// heard is end for what another machine has read: it is no more than its word that a
// blob has the digest in its name.
func (t *taking) heard(got unpack.Result, name, other string) {
	if want := addressed(clean(name)); got.Sum != "" && got.Sum != want {
		got.Err = mismatch("the blob", want, got.Sum)
	}
	got.Sum = ""
	t.end(got, other)
}
