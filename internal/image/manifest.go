package image

import (
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const dockerManifestName = "manifest.json"

// dockerManifest is one image in the manifest.json of docker save
// (image/tarexport of moby, 1.10 to 29.7). Its layers are in the order in
// which they lie upon one another, lowest first.
type dockerManifest struct {
	Config       string
	RepoTags     []string
	Layers       []string
	LayerSources map[string]ocispec.Descriptor // of foreign layers, by DiffID
}

// dockerPlans reads the images of a manifest.json. Each stands for one
// platform, that of its configuration.
func dockerPlans(l *library, o Options) ([]plan, error) {
	raw, err := l.read(dockerManifestName)
	if err != nil {
		return nil, err
	}
	var manifests []dockerManifest
	if err := json.Unmarshal(raw, &manifests); err != nil {
		return nil, fmt.Errorf("parsing %q: %w", dockerManifestName, err)
	}
	var plans []plan
	if len(manifests) > maxImages {
		return nil, tooMany(len(manifests))
	}
	for _, m := range manifests {
		plans = append(plans, o.choose([]plan{m.plan(l)})...)
	}
	return plans, nil
}

func (m dockerManifest) plan(l *library) plan {
	p := plan{tags: m.RepoTags}
	if p.Err = p.configure(l, m.Config); p.Err == nil {
		p.Err = p.findLayers(l, m.layers(p.Layers))
	}
	return p
}

func (m dockerManifest) layers(known []Layer) []layerRef {
	refs := make([]layerRef, len(m.Layers))
	for i, name := range m.Layers {
		refs[i] = layerRef{name: name, digest: addressed(clean(name))}
		if i < len(known) {
			refs[i].urls = m.LayerSources[known[i].DiffID].URLs
		}
	}
	return refs
}
