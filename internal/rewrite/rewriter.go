// Package rewrite rewrites an image with other owners for the files that a remapped
// engine refuses: layer by layer, as they come by, and with nothing unpacked.
//
// It does not decide who becomes whom: internal/audit does. Names and sizes in layers are
// believed as little as an audit does, and no name in a layer is ever opened.
package rewrite

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// rewriter sends the layers of one image to a destination. It is the visitor for a second
// reading of the image's place: the first one was an audit.
type rewriter struct {
	plan *audit.Renumbering
	to   Destination
	from image.Image
	at   map[string]int     // the lowest layer of each blob, by its name
	done map[string]written // by the names of blobs, or by DiffIDs if those are unknown
	each func()             // is called for each layer that was sent
}

var _ image.BlobVisitor = (*rewriter)(nil)

// written is what became of a layer.
type written struct {
	Blob
	was    digest.Digest // the DiffID of the original
	diffID digest.Digest
	form   unpack.Form
}

// newRewriter rewrites an image as an audit has planned it.
func newRewriter(to Destination, from image.Image, plan *audit.Renumbering) *rewriter {
	r := &rewriter{plan: plan, to: to, from: from, at: map[string]int{}, done: map[string]written{}}
	for i, l := range from.Layers {
		if _, ok := r.at[l.Name]; !ok && l.Name != "" {
			r.at[l.Name] = i
		}
	}
	return r
}

// Seen says that no blob was read before.
func (*rewriter) Seen(string) bool { return false }

// Layer is not called: blobs are read whole.
func (*rewriter) Layer(context.Context, string, tarwalk.Headers) error {
	return errors.New("the layer is at hand without its contents")
}

// Blob sends one layer.
func (r *rewriter) Blob(ctx context.Context, name string, size int64, src io.Reader) error {
	defer r.each()
	return r.blob(ctx, name, size, src)
}

// blob sends one layer. One in which nothing changes keeps its bytes. If it is unknown
// which one it is, as in a stream of an engine whose layer records were audited, it is
// gone through like the others, which changes nothing.
func (r *rewriter) blob(ctx context.Context, name string, size int64, src io.Reader) error {
	in := bufio.NewReaderSize(src, 64<<10)
	i, ok := r.at[name]
	if !ok || r.plan.Layers[i] {
		w, err := r.change(ctx, in)
		if !ok {
			name = w.was.String()
		}
		r.done[name] = w
		return err
	}
	head, err := in.Peek(unpack.HeadSize)
	if err != nil && err != io.EOF {
		return err
	}
	l := r.from.Layers[i]
	w := written{was: digest.Digest(l.DiffID), diffID: digest.Digest(l.DiffID), form: unpack.Sniff(head)}
	known := Blob{digest.Digest(l.Digest), size}
	if w.form == unpack.PlainTar {
		known.Digest = cmp.Or(known.Digest, w.diffID)
	}
	w.Blob, err = r.to.Add(ctx, known, in)
	r.done[name] = w
	return err
}

// change sends a layer with other owners.
func (r *rewriter) change(ctx context.Context, src io.Reader) (written, error) {
	m := unpack.NewMeter(ctx, src)
	old, err := unpack.Open(bufio.NewReaderSize(m, 64<<10), m)
	if err != nil {
		return written{}, err
	}
	defer old.Close()
	sums := [2]digest.Digester{digest.SHA256.Digester(), digest.SHA256.Digester()}
	pipe, into := io.Pipe()
	var g errgroup.Group
	g.Go(func() error {
		err := r.copy(ctx, into, old, sums)
		into.CloseWithError(err)
		return err
	})
	blob, err := r.to.Add(ctx, unknownBlob, pipe)
	pipe.CloseWithError(cmp.Or(err, errClosed))
	if failed := g.Wait(); failed != nil && !errors.Is(failed, err) {
		err = failed
	}
	return written{blob, sums[0].Digest(), sums[1].Digest(), formOf(old.Form())}, err
}

var errClosed = errors.New("the destination has stopped reading")

// copy writes a layer as it is compressed, and sums it as it was and as it becomes.
func (r *rewriter) copy(ctx context.Context, dst io.Writer, src *unpack.Unpacker, sums [2]digest.Digester) error {
	packed, err := pack(dst, formOf(src.Form()))
	if err != nil {
		return err
	}
	_, err = Layer(ctx, io.MultiWriter(sums[1].Hash(), packed), io.TeeReader(src, sums[0].Hash()), r.plan)
	return errors.Join(err, packed.Close())
}

// Image makes the documents of the new image, once all layers of the original were sent.
func (r *rewriter) Image(original image.Image) (Image, error) {
	if original.Err != nil {
		return Image{}, original.Err
	}
	if original.ID != r.from.ID || len(original.Layers) != len(r.from.Layers) {
		return Image{}, errors.New("it became another image while it was rewritten: try again")
	}
	var layers []written
	for i, l := range original.Layers {
		w, ok := r.done[r.from.Layers[i].Name]
		if !ok {
			w = r.done[l.DiffID]
		}
		if w.was.String() != l.DiffID {
			return Image{}, fmt.Errorf("layer %d did not come, or its contents are not %s, as the configuration says", i+1, l.DiffID)
		}
		layers = append(layers, w)
	}
	return r.documents(original, layers)
}

// Send reads an image's place once more, sends its layers to a destination, and gives the
// new image, which is not committed yet. It calls each for every layer that was sent.
func Send(ctx context.Context, place image.Source, to Destination, from image.Image, plan *audit.Renumbering, each func()) (Image, error) {
	r := newRewriter(to, from, plan)
	r.each = each
	images, err := place.Images(ctx, r)
	switch {
	case err != nil:
		return Image{}, err
	case ctx.Err() != nil:
		return Image{}, context.Cause(ctx)
	case len(images) != 1:
		return Image{}, fmt.Errorf("its place has %d images now: try again", len(images))
	}
	return r.Image(images[0])
}
