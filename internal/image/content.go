package image

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/docker/docker/api/types/system"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	sourceContent = "content-store"
	contentFolder = "io.containerd.content.v1.content"

	// Of containerd 1.6 to 2.3 (its package defaults).
	containerdRoot = "/var/lib/containerd"
)

// contentFolders are where an engine's containerd can keep the blobs of images: the
// root that the system's own containerd is configured with, its default, and that of a
// containerd which dockerd starts or embeds (moby 29.7, PR #52898).
func contentFolders(ctx context.Context, files Files, info system.Info) []string {
	roots := []string{containerdRoot, path.Join(info.DockerRootDir, "containerd/daemon")}
	roots = append(configuredRoots(ctx, files), roots...)
	for i := range roots {
		roots[i] = path.Join(roots[i], contentFolder)
	}
	return roots
}

// A blobStore is a folder with the blobs of a content store, on some machine. A blob is
// believed by its digest, so it does not matter whose store it is.
type blobStore interface {
	// find gives the size of the blob of a name, or an fs.ErrNotExist.
	find(name string) (int64, error)
	document(name string) ([]byte, error)
	visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result
	witness
}

// contentStores are those that there are for the images of an engine. The error says why
// one that is there cannot be used.
func (d Daemon) contentStores(ctx context.Context, v Visitor, info system.Info, requests []request) (all []blobStore, why error) {
	ctx, cancel := late(ctx)
	defer cancel()
	for _, files := range d.Hosts {
		for _, folder := range contentFolders(ctx, files, info) {
			switch from := files.(type) {
			case Opener:
				all = append(all, localBlobs{from, folder})
			case Lender:
				if _, whole := v.(BlobVisitor); whole {
					continue // it sends headers alone
				}
				s, err := openRemote(ctx, from, d.Program, folder, d.engine(info), requests)
				if s != nil {
					all = append(all, s)
				}
				if err != nil && (why == nil || !errors.Is(err, fs.ErrPermission)) {
					why = err
				}
			}
		}
	}
	return all, why
}

// content is a blobStore as an archive with one image: its blobs, which lie in files as in an
// OCI layout, and an index that lists the image alone.
type content struct {
	blobStore
	known map[string]unpack.Result // of blobs of all images
	image digest.Digest            // of its index or manifest: the ID that the engine shows
	name  string
}

// findStore gives the first blobStore that has an image.
func findStore(stores []blobStore, w request) (content, bool) {
	id := digest.Digest(w.id)
	name, err := blobName(id)
	if err != nil {
		return content{}, false
	}
	for _, s := range stores {
		if _, err := s.find(name); err == nil {
			return content{blobStore: s, image: id, name: w.name}, true
		}
	}
	return content{}, false
}

// read visits the layers of the image, and gives it once for each platform that is
// wanted.
func (c content) read(ctx context.Context, v Visitor, platform string) []Image {
	r := reading{where: c.name, kind: sourceContent, o: Options{Platform: platform}}
	images, err := r.images(ctx, v, c)
	if err != nil {
		images = []Image{{Source: sourceContent, Err: err}}
	}
	for i := range images {
		images[i].ID = c.image.String()
	}
	return images
}

// find gives the key of a blob. Images share blobs, whatever their names.
func (c content) find(name string) (string, int64, error) {
	if name == indexName {
		return indexName, 0, nil
	}
	size, err := c.blobStore.find(name)
	return sourceContent + "\x00" + clean(name), size, err
}

func (c content) document(name string) ([]byte, error) {
	if name != indexName {
		return c.blobStore.document(name)
	}
	return indexOfOne(c.image, c.name)
}

// indexOfOne is an index.json that lists one image alone.
func indexOfOne(image digest.Digest, name string) ([]byte, error) {
	return json.Marshal(ociDocument{Manifests: []ocispec.Descriptor{{
		Digest: image, Annotations: map[string]string{ocispec.AnnotationRefName: name},
	}}})
}

// visitAll reads what no other image had. What came of the others holds for this one
// too.
func (c content) visitAll(ctx context.Context, v Visitor, blobs []blob) map[string]unpack.Result {
	results := map[string]unpack.Result{}
	var unread []blob
	for _, b := range blobs {
		if got, ok := c.known[b.key]; ok {
			results[b.key] = got
		} else {
			unread = append(unread, b)
		}
	}
	for key, got := range c.blobStore.visitAll(ctx, v, unread) {
		if results[key] = got; ctx.Err() == nil {
			c.known[key] = got
		}
	}
	return results
}
