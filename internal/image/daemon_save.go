package image

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/opencontainers/go-digest"
)

const sourceDaemon = "daemon"

// streamed adds the images that come from an engine with a graph driver: all
// in one go, since they share layers, and each alone where that fails, since an
// engine fails for all of them if one cannot be sent. Of several images asked
// for by ID, engines from 25 on name but one in their index.json; manifest.json,
// which is read where no platform is asked for, has them all.
func (d Daemon) streamed(ctx context.Context, v Visitor, ids []string, found map[string]Image) {
	if len(ids) == 0 {
		return
	}
	images, err := d.save(ctx, v, ids, Options{Names: ids, Trusted: true})
	for _, img := range images {
		img.Source = sourceDaemon
		found[img.Name] = img
	}
	if err == nil {
		return
	}
	for _, id := range ids {
		if found[id] = (Image{Source: sourceDaemon, ID: id, Err: err}); len(ids) > 1 && ctx.Err() == nil {
			d.streamed(ctx, v, []string{id}, found)
		}
	}
}

// maxTogether is how many images an engine with containerd's image store is asked to send in
// one go: one that it cannot send has the others sent again.
const maxTogether = 100

// together streams images from an engine with containerd's image store so that layers
// which they share are sent once. It gives those that are whole. An engine sends none if it
// cannot send one: what is not here is for saved, which says why.
func (d Daemon) together(ctx context.Context, v Visitor, ids []string) map[string][]Image {
	found := map[string][]Image{}
	if len(ids) < 2 {
		return found
	}
	for some := range slices.Chunk(ids, maxTogether) {
		d.receive(ctx, v, some, found)
	}
	return found
}

func (d Daemon) receive(ctx context.Context, v Visitor, ids []string, found map[string][]Image) {
	o := Options{Platform: d.Platform, Trusted: true}
	body, stop, err := d.send(ctx, ids, o.Platform)
	if err != nil {
		return
	}
	defer stop()
	s, err := reading{where: "the stream", o: o}.receive(ctx, v, body)
	if err != nil {
		return
	}
	for _, id := range ids {
		images, err := reading{where: id, kind: sourceContent, o: o}.images(ctx, v, sent{s, digest.Digest(id)})
		if err != nil || slices.ContainsFunc(images, func(img Image) bool { return img.Err != nil }) {
			continue
		}
		for i := range images {
			images[i].Source, images[i].ID = sourceDaemon, id
		}
		found[id] = images
	}
}

// sent is one image of several that were sent in one go.
type sent struct {
	*passed
	image digest.Digest // of its index or manifest: the ID that the engine shows
}

func (s sent) document(name string) ([]byte, error) {
	if name == indexName {
		return indexOfOne(s.image, "")
	}
	return s.passed.document(name)
}

// saved streams an image from an engine with containerd's image store, which sends
// it without delay. One name can stand for several platforms.
func (d Daemon) saved(ctx context.Context, v Visitor, w request) []Image {
	images, err := d.save(ctx, v, []string{w.id}, Options{Platform: d.Platform, Trusted: true})
	if err != nil {
		images = []Image{{Err: d.elsewhere(ctx, w, err)}}
	}
	for i := range images {
		images[i].Source, images[i].ID = sourceDaemon, w.id
	}
	return images
}

// elsewhere adds to the error of an image that the engine does not send which platforms it
// has the image for, if none was asked for. From API 1.48 on it can tell.
func (d Daemon) elsewhere(ctx context.Context, w request, err error) error {
	got, bad := d.Engine.ImageInspect(ctx, w.id, client.ImageInspectWithManifests(true))
	if d.Platform != "" || bad != nil {
		return err
	}
	var has []plan
	for _, m := range got.Manifests {
		if m.Available && m.ImageData != nil {
			has = append(has, plan{Image: Image{Platform: platforms.Format(m.ImageData.Platform)}})
		}
	}
	if len(has) == 0 {
		return err
	}
	return fmt.Errorf("the engine has it for %s: choose one with --platform: %w", listPlatforms(has), err)
}

// save reads one docker save. Cancelling ctx ends it at once.
func (d Daemon) save(ctx context.Context, v Visitor, names []string, o Options) ([]Image, error) {
	body, stop, err := d.send(ctx, names, o.Platform)
	if err != nil {
		return nil, err
	}
	defer stop()
	return ReadStream(ctx, body, v, o)
}

// send has the engine send images, until stop is called or ctx ends.
func (d Daemon) send(ctx context.Context, names []string, platform string) (body io.Reader, stop func(), err error) {
	opts, err := d.saveOptions(platform)
	if err != nil {
		return nil, nil, err
	}
	from, err := d.Engine.ImageSave(ctx, names, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("saving %s: %w", strings.Join(names, ", "), err)
	}
	ended := context.AfterFunc(ctx, func() { from.Close() })
	return from, func() { ended(); from.Close() }, nil
}

// saveOptions asks for one platform where the engine can send it alone, from
// API 1.48 on. Before, it sends what it has and the reader chooses.
func (d Daemon) saveOptions(platform string) ([]client.ImageSaveOption, error) {
	if platform == "" || platform == "all" || versions.LessThan(d.Engine.ClientVersion(), "1.48") {
		return nil, nil
	}
	p, err := platforms.Parse(platform)
	if err != nil {
		return nil, fmt.Errorf("reading the platform %q: %w", platform, err)
	}
	return []client.ImageSaveOption{client.ImageSaveWithPlatforms(p)}, nil
}
