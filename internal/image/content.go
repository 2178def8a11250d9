package image

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/docker/docker/api/types/system"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// An Opener is a machine whose files this process can open itself.
type Opener interface {
	Open(p host.Path) (*os.File, error)
}

const (
	sourceContent = "content-store"
	contentFolder = "io.containerd.content.v1.content"
)

// contentFolders are where an engine's containerd can keep the blobs of images:
// the system's own containerd (defaults.DefaultRootDir of containerd 1.6 to 2.3),
// and one that dockerd embeds (moby 29.7, PR #52898).
func contentFolders(info system.Info) []string {
	return []string{
		path.Join("/var/lib/containerd", contentFolder),
		path.Join(info.DockerRootDir, "containerd/daemon", contentFolder),
	}
}

// content is containerd's content store as a store with one image: its blobs, which
// lie in files as in an OCI layout, and an index that lists the image alone. A blob
// is believed by its digest, so it does not matter whose store it is.
type content struct {
	files  Opener
	folder string
	image  digest.Digest // of its index or manifest: the ID that the engine shows
	name   string
}

// contentOf finds the store that has an image, and reports whether there is one.
func (d Daemon) contentOf(info system.Info, w wish) (content, bool) {
	id := digest.Digest(w.id)
	blob, err := blobName(id)
	if err != nil {
		return content{}, false
	}
	for _, files := range d.Hosts {
		opener, ok := files.(Opener)
		if !ok {
			continue
		}
		for _, folder := range contentFolders(info) {
			c := content{files: opener, folder: folder, image: id, name: w.name}
			if _, _, err := c.find(blob); err == nil {
				return c, true
			}
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

func (c content) open(name string) (*os.File, int64, error) {
	f, err := c.files.Open(host.Path{Name: path.Join(c.folder, clean(name))})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missing(name)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// key is that of a blob. Images share blobs, whatever their names.
func (c content) key(name string) string { return c.folder + "\x00" + clean(name) }

func (c content) find(name string) (string, int64, error) {
	if name == indexName {
		return c.key(name), 0, nil
	}
	f, size, err := c.open(name)
	if err != nil {
		return "", 0, err
	}
	f.Close()
	return c.key(name), size, nil
}

func (c content) document(name string) ([]byte, error) {
	if name == indexName {
		return json.Marshal(ociDocument{Manifests: []ocispec.Descriptor{{
			Digest: c.image, Annotations: map[string]string{ocispec.AnnotationRefName: c.name},
		}}})
	}
	f, _, err := c.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readDocument(f)
}

func (c content) visit(ctx context.Context, v Visitor, name string) unpack.Result {
	key := c.key(name)
	if v.Seen(key) {
		return unpack.Result{}
	}
	f, size, err := c.open(name)
	if err != nil {
		return unpack.Result{Err: err}
	}
	defer f.Close()
	return unpack.ReadExtent(ctx, f, 0, size, algorithm(name), visiting(v, key))
}
