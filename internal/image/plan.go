package image

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/go-digest"
)

// A plan is an image whose manifest was read and whose layers were not yet.
type plan struct {
	Image
	tags  []string
	blobs []string // the names of the layers' blobs, one for each of Layers
}

// layerRef is a layer as a manifest names it.
type layerRef struct {
	name   string
	digest digest.Digest // "" if the manifest gives none
	urls   []string      // where a layer that may not be distributed is kept
}

// configure reads the image's configuration, by the name of its blob.
func (p *plan) configure(l *library, name string) error {
	raw, err := l.read(name)
	if err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	p.ID = digest.FromBytes(raw).String()
	p.ConfigDigest = p.ID
	c, err := parseConfig(raw)
	if err != nil {
		return fmt.Errorf("parsing its configuration %q: %w", name, err)
	}
	l.cache.KeepDocument(raw)
	p.Platform, p.Config = c.Platform, c.Config
	if l.keep {
		p.RawConfig = raw
	}
	for _, d := range c.DiffIDs {
		p.Layers = append(p.Layers, Layer{DiffID: d})
	}
	return nil
}

// findLayers finds the blobs of the layers that the configuration counts.
func (p *plan) findLayers(l *library, refs []layerRef) error {
	if len(refs) != len(p.Layers) {
		return fmt.Errorf("its manifest lists %d layers, and its configuration %d", len(refs), len(p.Layers))
	}
	for i, ref := range refs {
		if p.Layers[i].Digest = ref.digest.String(); p.Windows() {
			continue // they are not read, and need not be here
		}
		key, _, err := l.find(ref.name)
		if errors.Is(err, fs.ErrNotExist) && len(ref.urls) > 0 {
			err = fmt.Errorf("a foreign layer, kept at %q and not here: the image cannot be audited without it", ref.urls[0])
		}
		if err != nil {
			return layerError(i, ref.name, err)
		}
		p.Layers[i].Blob, p.Layers[i].Name = key, clean(ref.name)
		p.blobs = append(p.blobs, ref.name)
	}
	return nil
}

// layerError counts layers from 1 on, as people do and the table does.
func layerError(i int, blob string, err error) error {
	return fmt.Errorf("layer %d (%q): %w", i+1, blob, err)
}
