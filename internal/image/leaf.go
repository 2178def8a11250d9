package image

import (
	"fmt"

	"github.com/containerd/platforms"
)

// plans reads the configurations of the leaves. What an index lists and the
// store lacks is an error only if nothing else is there.
func (t *tree) plans(name string) []plan {
	leaves := t.leaves
	if len(leaves) == 0 {
		leaves = t.absent
	}
	plans := make([]plan, len(leaves))
	for i, f := range leaves {
		plans[i] = f.plan(t.library)
		if plans[i].Err == nil && !t.keep {
			plans[i].Provenance = t.provenance(t.attested[f.from.Digest])
		}
		if name != "" {
			plans[i].tags = []string{name}
		}
	}
	return plans
}

func (f leaf) plan(l *library) plan {
	p := plan{Image: Image{Manifest: f.raw}}
	if p.Err = f.err; p.Err == nil {
		p.Err = f.read(l, &p)
	}
	if f.from.Platform != nil && p.Platform == "" {
		p.Platform = platforms.Format(*f.from.Platform)
	}
	return p
}

func (f leaf) read(l *library, p *plan) error {
	config, err := blobName(f.manifest.Config.Digest)
	if err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	if err := p.configure(l, config); err != nil {
		return err
	}
	refs, err := f.layers()
	if err != nil {
		return err
	}
	return p.findLayers(l, refs)
}

func (f leaf) layers() ([]layerRef, error) {
	refs := make([]layerRef, len(f.manifest.Layers))
	for i, d := range f.manifest.Layers {
		name, err := blobName(d.Digest)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		refs[i] = layerRef{name: name, digest: d.Digest, urls: d.URLs}
	}
	return refs, nil
}
