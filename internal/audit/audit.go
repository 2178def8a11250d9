// Package audit compares the headers of an image's layers with an ID map, and
// says what a remapped engine would make of them.
//
// The rule is the engine's own: an image registers when every header of every
// layer has a UID and a GID that the map takes, whatever later layers do to the
// file. It reads no images (internal/image does), and writes nothing for people:
// text out of an image stays as it is, and whoever prints it escapes it.
package audit

import (
	"context"
	"hash/maphash"
	"io"
	"sync"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// Options say what is audited.
type Options struct {
	// Map is the ID map of the engine that the images are for.
	Map idmap.Map
	// Engine is the version of that engine, "" if it is not known.
	Engine string
	// Paths is how many paths a finding keeps, in archive order; below 0 it
	// keeps them all, and memory grows with the image.
	Paths int
	// Asked, if set, leaves only findings of what is looked for, and lists its files
	// even if nothing is wrong with them. Verdicts are of the whole image still.
	Asked *Asked
	// Dockerfile is what the images are made with, nil if it is not at hand.
	Dockerfile *Dockerfile
}

// An Auditor collects facts of layers, and joins them to reports of images. It
// is an [image.Visitor]: layers can come in any order and two at a time, and a
// layer that images share is read once.
type Auditor struct {
	opt      Options
	seed     maphash.Seed
	uid, gid idSpace

	mu     sync.Mutex
	layers map[string]*facts
}

var _ image.Visitor = (*Auditor)(nil)

// New makes an Auditor that has seen nothing.
func New(opt Options) *Auditor {
	return &Auditor{
		opt:    opt,
		seed:   maphash.MakeSeed(),
		uid:    newIDSpace(opt.Map.UID),
		gid:    newIDSpace(opt.Map.GID),
		layers: map[string]*facts{},
	}
}

// Seen says that the layer's facts are known.
func (a *Auditor) Seen(blob string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.layers[blob]
	return ok
}

// Layer reads the headers of a layer. Nothing is kept of a layer that could not
// be read to its end.
func (a *Auditor) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	w := newWalk(a)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := headers.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := w.entry(h, headers); err != nil {
			return err
		}
	}
	w.facts.seal()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.layers[blob] = w.facts
	return nil
}

// of gives the facts of an image's layers, lowest first. A layer that was not
// visited has none.
func (a *Auditor) of(img image.Image) []*facts {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*facts, len(img.Layers))
	for i, l := range img.Layers {
		if all[i] = a.layers[l.Blob]; all[i] == nil {
			all[i] = &facts{}
		}
	}
	return all
}
