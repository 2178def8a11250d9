package image

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
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
	opts, err := d.saveOptions(o.Platform)
	if err != nil {
		return nil, err
	}
	body, err := d.Engine.ImageSave(ctx, names, opts...)
	if err != nil {
		return nil, fmt.Errorf("saving %s: %w", strings.Join(names, ", "), err)
	}
	defer body.Close()
	defer context.AfterFunc(ctx, func() { body.Close() })()
	return ReadStream(ctx, body, v, o)
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
