package image

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

const saysHow = `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://slsa.dev/provenance/v0.2","predicate":{}}`

// withProvenance adds attestations to the only image of a layout, as BuildKit does: an SBOM, and a
// statement.
func withProvenance(files []file, statement string) []file {
	var root ocispec.Index
	for _, f := range files {
		if f.name == indexName {
			fromJSON(f.body, &root)
		}
	}
	sbom := `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}`
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, Config: describe(ocispec.MediaTypeImageConfig, "{}")}
	for predicate, body := range map[string]string{"https://spdx.dev/Document": sbom, "https://slsa.dev/provenance/v0.2": statement} {
		d := describe("application/vnd.in-toto+json", body)
		d.Annotations = map[string]string{"in-toto.io/predicate-type": predicate}
		m.Layers = append(m.Layers, d)
	}
	image, proof := root.Manifests[0], describe(ocispec.MediaTypeImageManifest, toJSON(m))
	proof.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	proof.Annotations = map[string]string{attestedDigest: image.Digest.String(), "vnd.docker.reference.type": "attestation-manifest"}
	index := toJSON(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []ocispec.Descriptor{image, proof}})
	root.Manifests[0] = describe(ocispec.MediaTypeImageIndex, index)
	root.Manifests[0].Annotations = image.Annotations
	return with(files, file{name: indexName, body: toJSON(root)}, blobFile(index), blobFile(toJSON(m)), blobFile(sbom), blobFile(statement), blobFile("{}"))
}

// Provenance comes with its image, wherever that is. What is too large, damaged or missing is as
// if there were none.
func TestProvenance(t *testing.T) {
	for name, tc := range map[string]struct {
		files []file
		want  string
	}{
		"an OCI layout": {withProvenance(layout(gzipOf, one), saysHow), saysHow},
		"docker save":   {withProvenance(bothKinds(gzipOf, one), saysHow), saysHow},
		"too large":     {withProvenance(layout(gzipOf, one), saysHow+strings.Repeat(" ", maxProvenance)), ""},
		"another":       {with(withProvenance(layout(gzipOf, one), saysHow), file{name: place(saysHow), body: saysHow + " "}), ""},
		"missing":       {without(withProvenance(layout(gzipOf, one), saysHow), place(saysHow)), ""},
		"none":          {layout(gzipOf, one), ""},
	} {
		for way, read := range ways {
			v := newRecorder()
			images, err := read(t, packed(tc.files), v, Options{})
			assert.NilError(t, err, name)
			v.expect(t, images, one)
			assert.Equal(t, string(images[0].Provenance), tc.want, "%s, %s", name, way)
		}
		if name == "another" {
			continue // a registry does not take that
		}
		h := newHub(t)
		for _, kind := range []string{"", ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex} {
			for _, f := range tc.files {
				switch d := addressed(f.name).String(); {
				case d == "" || typeOf(f.body) != kind:
				case kind == "":
					h.send(t, "POST", "blobs/uploads/?digest="+d, "application/octet-stream", f.body)
				default:
					h.send(t, "PUT", "manifests/"+d, kind, f.body)
				}
			}
		}
		v := newRecorder()
		images, err := Registry{Names: []string{h.name("app@" + topOf(tc.files))}}.Images(t.Context(), v)
		assert.NilError(t, err)
		v.expect(t, images, one)
		assert.Equal(t, string(images[0].Provenance), tc.want, "%s, registry", name)
	}
}

func typeOf(body string) string {
	switch {
	case strings.Contains(body, `"manifests":`):
		return ocispec.MediaTypeImageIndex
	case strings.Contains(body, `"layers":`):
		return ocispec.MediaTypeImageManifest
	}
	return ""
}

func topOf(files []file) string {
	var root ocispec.Index
	for _, f := range files {
		if f.name == indexName {
			fromJSON(f.body, &root)
		}
	}
	return root.Manifests[0].Digest.String()
}
