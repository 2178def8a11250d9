package image

import (
	"encoding/json"
	"errors"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	indexName = "index.json"
	// Indexes hold indexes, as containerd saves an image of many platforms. A
	// circle would take a digest that holds itself, so only depth needs a limit.
	maxDepth = 8
	maxLeafs = 1000
	// The image's whole name, where ref.name is but its tag (containerd's
	// images.AnnotationImageName, and docker save from 25 on).
	annotationImageName = "io.containerd.image.name"
)

// ociDocument is an index or a manifest: what it is shows in its contents.
type ociDocument struct {
	SchemaVersion int                  `json:"schemaVersion"`
	ArtifactType  string               `json:"artifactType"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
}

// A leaf is a manifest that an index leads to.
type leaf struct {
	from     ocispec.Descriptor
	manifest ociDocument
	raw      []byte // the manifest as it is, if the library keeps documents
	err      error
}

// ociPlans reads the images of an OCI layout (image-spec, image-layout.md): one
// for each name and platform in index.json. Entries without a name stand
// together for one image.
func ociPlans(l *library, o Options) ([]plan, error) {
	raw, err := l.read(indexName)
	if err != nil {
		return nil, err
	}
	root, err := parseOCI(raw)
	if err != nil {
		return nil, fmt.Errorf("parsing %q: %w", indexName, err)
	}
	names, byName := group(root.Manifests)
	var plans []plan
	for _, name := range names {
		t := tree{library: l, attested: attested{}}
		if err := t.walk(byName[name], 1); err != nil {
			return nil, err
		}
		if plans = append(plans, o.choose(t.plans(name))...); len(plans) > maxImages {
			return nil, tooMany(len(plans))
		}
	}
	return plans, nil
}

func parseOCI(raw []byte) (ociDocument, error) {
	var d ociDocument
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, err
	}
	if d.Manifests != nil && (d.Layers != nil || d.Config != nil) {
		// Readers would differ in what they take it for: CVE-2021-41190.
		return d, errors.New("it claims to be an index and a manifest at once")
	}
	return d, nil
}

// group sorts descriptors by the name of their image, in order of appearance.
func group(all []ocispec.Descriptor) (names []string, byName map[string][]ocispec.Descriptor) {
	byName = map[string][]ocispec.Descriptor{}
	for _, d := range all {
		name := d.Annotations[ocispec.AnnotationRefName]
		if full := d.Annotations[annotationImageName]; full != "" {
			name = familiar(full)
		}
		if _, known := byName[name]; !known {
			names = append(names, name)
		}
		byName[name] = append(byName[name], d)
	}
	return names, byName
}

// tree gathers the leaves of one image.
type tree struct {
	*library
	leaves []leaf
	absent []leaf // listed, and not here: an engine saves only the platforms it has
	attested
}

func (t *tree) walk(all []ocispec.Descriptor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("indexes inside indexes are more than %d deep", maxDepth)
	}
	for _, d := range all {
		if isAttestation(d) {
			t.attested.add(d)
			continue
		}
		if err := t.add(d, depth); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) add(d ocispec.Descriptor, depth int) error {
	if len(t.leaves)+len(t.absent) >= maxLeafs {
		return fmt.Errorf("the indexes list more than %d manifests", maxLeafs)
	}
	name, err := blobName(d.Digest)
	switch {
	case err != nil:
		t.leaves = append(t.leaves, leaf{from: d, err: err})
		return nil //nolint:nilerr // the leaf carries it
	case !t.has(name):
		_, _, err := t.find(name)
		t.absent = append(t.absent, leaf{from: d, err: fmt.Errorf("finding its manifest: %w", err)})
		return nil
	}
	m, raw, err := t.parse(name)
	if err == nil && m.Manifests != nil {
		return t.walk(m.Manifests, depth+1)
	}
	if err != nil || !m.isArtifact() {
		t.leaves = append(t.leaves, leaf{from: d, manifest: m, raw: raw, err: err})
	}
	return nil
}

func (t *tree) parse(name string) (ociDocument, []byte, error) {
	raw, err := t.read(name)
	if err != nil {
		return ociDocument{}, nil, err
	}
	m, err := parseOCI(raw)
	if err == nil && m.Manifests == nil && m.Config == nil && m.SchemaVersion == 1 {
		err = errors.New("it is a manifest of docker's schema 1, which newer engines do not pull: push the image again with one of them")
	}
	if err == nil && m.Manifests == nil && m.Config == nil {
		err = errors.New("it is neither an index nor a manifest of OCI or of docker's schema 2")
	}
	if err != nil {
		return m, nil, fmt.Errorf("parsing %q: %w", name, err)
	}
	if !t.keep {
		raw = nil
	}
	return m, raw, nil
}

// isAttestation tells the manifests of provenance and SBOMs apart, which stand
// in an index next to the images (BuildKit, docs/attestations/attestation-storage.md).
func isAttestation(d ocispec.Descriptor) bool {
	if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
		return true
	}
	return d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// isArtifact finds what is stored as a manifest and is no image (image-spec,
// manifest.md, "Guidelines for Artifact Usage").
func (d ociDocument) isArtifact() bool {
	return d.ArtifactType != "" || d.Config.MediaType == ocispec.MediaTypeEmptyJSON
}
