package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
)

// namedSource is a source, and what the user called it.
type namedSource struct {
	name string
	image.Source
}

// sourcesOf gives the sources of what the user named. Images of the engine are
// one source: they share layers, and are streamed together if they have to be.
func sourcesOf(opts auditOptions, engine *lazyEngine) (sources []namedSource) {
	var ofEngine []string
	for _, ref := range opts.refs {
		if ref.Place == image.InDaemon {
			ofEngine = append(ofEngine, ref.At)
			continue
		}
		sources = append(sources, elsewhere(ref, opts, engine))
	}
	if len(ofEngine) == 0 && !opts.all {
		return sources
	}
	name := strings.Join(ofEngine, ", ")
	if opts.all {
		name = "all images"
	}
	return append([]namedSource{{name, engineSource{engine, ofEngine, opts.all, opts.platform}}}, sources...)
}

// elsewhere is the source of an image that the engine does not have.
func elsewhere(ref image.Ref, opts auditOptions, engine *lazyEngine) namedSource {
	return namedSource{ref.String(), ref.Source(image.Options{Platform: opts.platform}, engine.dockerCLI.In(), engine.registry())}
}

// baseSource is the source of --base.
func baseSource(opts auditOptions, engine *lazyEngine) (namedSource, error) {
	ref, err := image.Parse(opts.base)
	switch {
	case err != nil:
		return namedSource{}, fmt.Errorf("--base: %w", err)
	case ref.Place == image.OnStdin:
		return namedSource{}, errors.New("--base -: give a name, a file or a folder")
	case ref.Place == image.InDaemon:
		return namedSource{opts.base, engineSource{engine, []string{ref.At}, false, opts.platform}}, nil
	}
	return elsewhere(ref, opts, engine), nil
}

// needsEngine reports whether images of the engine are wanted.
func (o auditOptions) needsEngine() bool {
	return o.all || slices.ContainsFunc(o.refs, func(r image.Ref) bool { return r.Place == image.InDaemon })
}
