package image

import (
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Bounds on provenance, which is no part of an image: what is beyond them is passed over.
const (
	maxProvenance  = 2 << 20  // bytes, of one image
	maxProvenances = 16 << 20 // taken together; what cannot be read counts as 1 MiB
	maxAttested    = 4        // attestation manifests that are looked at for an image
)

// statement begins an in-toto statement, and provenanceType is the predicate of those that
// BuildKit calls provenance, in the versions v0.2 and v1.
const (
	statement      = "https://in-toto.io/Statement"
	provenanceType = "https://slsa.dev/provenance/"
)

// attestedDigest is the annotation of a manifest of attestations that names the image's own
// manifest (BuildKit, docs/attestations/attestation-storage.md).
const attestedDigest = "vnd.docker.reference.digest"

// attested are the manifests of attestations, by the digest of the image's own.
type attested map[digest.Digest][]ocispec.Descriptor

func (a attested) add(d ocispec.Descriptor) {
	if of := digest.Digest(d.Annotations[attestedDigest]); len(a[of]) < maxAttested {
		a[of] = append(a[of], d)
	}
}

// prove finds the provenance of images that a manifest.json lists, in the index.json next to it:
// docker save from 29 on writes both.
func (l *library) prove(plans []plan) {
	raw, err := l.document(indexName)
	if err != nil {
		return
	}
	byConfig := map[string]digest.Digest{}
	found := attested{}
	l.seek(raw, 1, byConfig, found)
	for i := range plans {
		if of, ok := byConfig[plans[i].ID]; ok && plans[i].Err == nil {
			plans[i].Provenance = l.provenance(found[of])
		}
	}
}

// seek notes the manifests that an index leads to, by the digests of their configurations, and
// those of attestations.
func (l *library) seek(raw []byte, depth int, byConfig map[string]digest.Digest, found attested) {
	index, err := parseOCI(raw)
	if err != nil || depth > maxDepth {
		return
	}
	for _, d := range index.Manifests {
		if isAttestation(d) {
			found.add(d)
			continue
		}
		raw := l.proof(d)
		if m, err := parseOCI(raw); err == nil && m.Config != nil {
			byConfig[m.Config.Digest.String()] = d.Digest
		}
		l.seek(raw, depth+1, byConfig, found)
	}
}

// provenance is the statement of an image's provenance, nil if it has none that can be read.
func (l *library) provenance(manifests []ocispec.Descriptor) []byte {
	for _, d := range manifests {
		m, err := parseOCI(l.proof(d))
		if err != nil {
			continue
		}
		for _, s := range m.Layers[:min(len(m.Layers), maxAttested)] {
			if isProvenance(s) {
				return l.proof(s)
			}
		}
	}
	return nil
}

func isProvenance(d ocispec.Descriptor) bool {
	return strings.HasPrefix(d.Annotations["in-toto.io/predicate-type"], provenanceType)
}

// proof reads a document of an attestation, nil if that is not possible.
func (l *library) proof(d ocispec.Descriptor) []byte {
	name, err := blobName(d.Digest)
	if err != nil || d.Size > maxProvenance || l.proofs > maxProvenances {
		return nil
	}
	b, err := l.document(name)
	if err != nil || len(b) > maxProvenance || d.Digest.Algorithm().FromBytes(b) != d.Digest {
		l.proofs += 1 << 20
		return nil
	}
	l.proofs += len(b)
	return b
}
