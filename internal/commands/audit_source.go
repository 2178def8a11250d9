package commands

import (
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
	o := image.Options{Platform: opts.platform}
	var ofEngine []string
	for _, ref := range opts.refs {
		if ref.Place == image.InDaemon {
			ofEngine = append(ofEngine, ref.At)
			continue
		}
		sources = append(sources, namedSource{ref.String(), ref.Source(o, engine.dockerCLI.In(), engine.registry())})
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

// needsEngine reports whether images of the engine are wanted.
func (o auditOptions) needsEngine() bool {
	return o.all || slices.ContainsFunc(o.refs, func(r image.Ref) bool { return r.Place == image.InDaemon })
}
