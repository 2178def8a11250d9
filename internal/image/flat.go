package image

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// flat shows a folder that skopeo wrote as the OCI layout that it stands for
// (directory/ of go.podman.io/image): manifest.json, HEX.manifest.json for those of an
// index, and blobs that are called HEX.
type flat struct {
	folder
	index []byte
	top   string // the place of manifest.json in the layout
}

func newFlat(f folder) (flat, error) {
	b, err := f.document(dockerManifestName)
	if err != nil {
		return flat{}, fmt.Errorf("reading %q: %w", dockerManifestName, err)
	}
	d := digest.FromBytes(b)
	top, err := blobName(d)
	if err != nil {
		return flat{}, err
	}
	index, err := json.Marshal(ocispec.Index{Manifests: []ocispec.Descriptor{{Digest: d, Size: int64(len(b))}}})
	return flat{f, index, top}, err
}

// name is that of a file for its place in the layout.
func (f flat) name(at string) string {
	d := addressed(at)
	switch {
	case at == f.top:
		return dockerManifestName
	case d == "":
		return at
	}
	manifest := d.Encoded() + ".manifest.json"
	if _, _, err := f.folder.find(manifest); err == nil {
		return manifest
	}
	return d.Encoded()
}

func (f flat) find(at string) (string, int64, error) { return f.folder.find(f.name(at)) }

func (f flat) nameHere(at string) string { return f.folder.nameHere(f.name(at)) }

func (f flat) document(at string) ([]byte, error) {
	if at == indexName {
		return f.index, nil
	}
	return f.folder.document(f.name(at))
}

func (f flat) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	return inPairs(v, blobs, func(b blob) unpack.Result { return f.read(ctx, v, f.name(b.name), b.name) })
}
