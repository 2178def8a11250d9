package image

import (
	"context"
	"fmt"
	"io"
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
)

// Files reads files of the machine that a daemon runs on. It must be safe to
// use from several goroutines.
type Files interface {
	// ReadFiles calls each once for every path, in the order of paths, with
	// its contents or with the error that kept it from reading them. The paths
	// have the layer's directory for a root if they lead into one, whose links the
	// image has made. What was read there is believed only if it has the checksum
	// that the engine recorded. A body is valid until each returns. An error of
	// each ends the reading and is returned; another one means that the machine
	// could not be asked.
	ReadFiles(ctx context.Context, paths []host.Path, each func(p host.Path, body io.Reader, err error) error) error
}

// Limits in bytes of files that are read whole.
const (
	maxShort   = 4 << 10 // a diff or a cache-id
	maxAccount = 1 << 20 // a passwd or a group
)

// records reads images out of the layer records that an engine with a graph
// driver keeps: <data-root>/image/<driver>/{imagedb,layerdb} (image/fs.go and
// layer/filestore.go of moby, 1.10 to 29.7). They hold every header of every
// layer as it came, before any ID was mapped.
type records struct {
	files    Files
	dataRoot string // as GET /info has it, so with the uid.gid of a remapped engine
	driver   string
	engine   string // whose word they are, for the cache; "" for nobody's
}

// read visits the layers of the images, and gives those images that the records
// hold whole. It takes three round trips, however many images there are. The
// errors say by image ID why the others have to come from the engine.
func (r *records) read(ctx context.Context, v Visitor, ids []string) (map[string]Image, map[string]error) {
	errs := map[string]error{}
	configs := r.configs(ctx, ids, errs)
	byDiff := map[string]*recordLayer{}
	var layers []*recordLayer
	for _, id := range ids {
		for _, l := range layersOf(configs[id]) {
			if byDiff[l.diff] == nil {
				byDiff[l.diff] = l
				layers = append(layers, l)
			}
		}
	}
	r.recall(ctx, v, layers)
	r.lookup(ctx, layers)
	r.visit(ctx, v, layers)
	images := map[string]Image{}
	for id, c := range configs {
		img, err := assemble(id, c, byDiff)
		if err != nil {
			errs[id] = err
			continue
		}
		images[id] = img
	}
	return images, errs
}

// configs reads the configurations of images, which are named by their digests.
func (r *records) configs(ctx context.Context, ids []string, errs map[string]error) map[string]imageConfig {
	configs := map[string]imageConfig{}
	byPath := map[host.Path]digest.Digest{}
	var paths []host.Path
	for _, id := range ids {
		d := digest.Digest(id)
		if err := d.Validate(); err != nil {
			errs[id] = fmt.Errorf("image ID %q: %w", id, err)
			continue
		}
		p := host.Path{Name: path.Join(r.imageRoot(), "imagedb/content", d.Algorithm().String(), d.Encoded())}
		if _, ok := byPath[p]; !ok {
			paths = append(paths, p)
		}
		byPath[p] = d
		errs[id] = fmt.Errorf("%s was not read", p)
	}
	err := r.readFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error {
		id := byPath[p]
		c, err := readConfig(id, body, err)
		if err != nil {
			errs[id.String()] = fmt.Errorf("reading the engine's record of image %s: %w", id, err)
			return nil
		}
		configs[id.String()] = c
		delete(errs, id.String())
		return nil
	})
	for id := range errs {
		if err != nil {
			errs[id] = err
		}
	}
	return configs
}

func readConfig(id digest.Digest, body io.Reader, err error) (imageConfig, error) {
	if err != nil {
		return imageConfig{}, err
	}
	raw, err := readDocument(body)
	if err != nil {
		return imageConfig{}, err
	}
	if got := id.Algorithm().FromBytes(raw); got != id {
		return imageConfig{}, mismatch("the configuration", id, got)
	}
	if err := new(tally).add(raw); err != nil {
		return imageConfig{}, err
	}
	return parseConfig(raw)
}

func (r *records) imageRoot() string { return path.Join(r.dataRoot, "image", r.driver) }

// assemble puts an image together, if all its layers were visited.
func assemble(id string, c imageConfig, byDiff map[string]*recordLayer) (Image, error) {
	img := Image{Source: "layer-records", ID: id, ConfigDigest: id, Platform: c.Platform, Config: c.Config}
	for i, diff := range c.DiffIDs {
		if err := byDiff[diff].err; err != nil {
			return img, fmt.Errorf("layer %d: %w", i, err)
		}
		img.Layers = append(img.Layers, Layer{Blob: byDiff[diff].key, DiffID: diff, Form: unpack.PlainTar})
	}
	return img, nil
}

// readAll reads a file whole, and refuses one of more than limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return b, err
}
