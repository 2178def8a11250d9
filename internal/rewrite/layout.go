package rewrite

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// files are what an OCI layout is written to: an archive or a folder.
type files interface {
	blob(ctx context.Context, known Blob, r io.Reader) (Blob, error)
	file(name string, body []byte) error
	commit(ctx context.Context) error
	discard() error
}

// layout is an OCI layout (image-spec, image-layout.md), and as an archive for docker load
// it has a manifest.json too, as docker save writes it from 25 on.
type layout struct {
	files  files
	docker bool
	name   reference.NamedTagged // nil for none
}

// Add stores a layer.
func (l *layout) Add(ctx context.Context, known Blob, r io.Reader) (Blob, error) {
	return l.files.blob(ctx, known, r)
}

// Close discards a layout that was not committed.
func (l *layout) Close() error { return l.files.discard() }

// Commit writes the documents.
func (l *layout) Commit(ctx context.Context, platforms []Image) error {
	index := indexOf(platforms)
	for _, p := range platforms {
		for _, document := range [][]byte{p.Config, p.Manifest} {
			if err := l.document(ctx, document); err != nil {
				return err
			}
		}
	}
	if len(platforms) > 1 {
		raw, err := json.Marshal(index)
		if err != nil {
			return err
		}
		if err := l.document(ctx, raw); err != nil {
			return err
		}
		index.Manifests = []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(raw), Size: int64(len(raw))}}
	}
	index.Manifests[0].Annotations = l.annotations()
	if err := l.json(ocispec.ImageIndexFile, index); err != nil {
		return err
	}
	if l.docker {
		if err := l.json("manifest.json", l.manifests(platforms)); err != nil {
			return err
		}
	}
	if err := l.json(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}); err != nil {
		return err
	}
	return l.files.commit(ctx)
}

func (l *layout) document(ctx context.Context, b []byte) error {
	_, err := l.files.blob(ctx, Blob{digest.FromBytes(b), int64(len(b))}, bytes.NewReader(b))
	return err
}

func (l *layout) json(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.files.file(name, b)
}

// annotations are the name of the image: the tag alone as OCI has it, and the whole name
// as containerd has it.
func (l *layout) annotations() map[string]string {
	if l.name == nil {
		return nil
	}
	return map[string]string{ocispec.AnnotationRefName: l.name.Tag(), "io.containerd.image.name": l.name.String()}
}

// manifests are the manifest.json of docker save.
func (l *layout) manifests(platforms []Image) (all []any) {
	for _, p := range platforms {
		tags, layers := []string{}, []string{}
		if l.name != nil {
			tags = append(tags, reference.FamiliarString(l.name))
		}
		for _, b := range p.Layers {
			layers = append(layers, place(b.Digest))
		}
		all = append(all, map[string]any{"Config": place(p.ID()), "RepoTags": tags, "Layers": layers})
	}
	return all
}

// indexOf lists the manifests of the platforms.
func indexOf(platforms []Image) ocispec.Index {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, p := range platforms {
		index.Manifests = append(index.Manifests, ocispec.Descriptor{
			MediaType: p.MediaType, Digest: p.Digest(), Size: int64(len(p.Manifest)), Platform: &p.Platform,
		})
	}
	return index
}

// place is where a layout keeps the blob of a digest.
func place(d digest.Digest) string {
	return ocispec.ImageBlobsDir + "/" + d.Algorithm().String() + "/" + d.Encoded()
}
