package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/unpack"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// Engine is the part of docker's client that a [Daemon] needs.
type Engine interface {
	ClientVersion() string
	Info(ctx context.Context) (system.Info, error)
	ImageInspect(ctx context.Context, name string, opts ...client.ImageInspectOption) (dockerimage.InspectResponse, error)
	ImageList(ctx context.Context, opts dockerimage.ListOptions) ([]dockerimage.Summary, error)
	ImageSave(ctx context.Context, names []string, opts ...client.ImageSaveOption) (io.ReadCloser, error)
}

// Daemon is the source of images in a daemon. They are read from the daemon's own
// layer records, or from containerd's content store, if this process can read
// those. Otherwise they are streamed from the daemon. The answer is the same except
// for Source: "layer-records", "content-store" or "daemon".
type Daemon struct {
	Engine Engine
	Names  []string // names as docker takes them, or image IDs
	All    bool     // every image instead, once: by the first of its tags, or by its ID
	// Platform is one platform, "all", or "" for what the daemon has.
	Platform string
	// Hosts are machines whose files may be the daemon's, tried in order. What
	// is read of them is believed by its digests only. None means streaming.
	Hosts []Files
	// Program runs on hosts that files cannot be opened on from here, and reads layers
	// there. The zero value means streaming instead.
	Program host.Program
	// At is where the engine is, such as the address of its socket, for what is kept in a
	// cache of what it says. Nothing of it is kept if this is empty.
	At string
	// Note is told why images that could be read on a host are streamed; it may be nil.
	Note func(why error)
	// RecordsOnly gives an image that would have to be streamed an Err instead,
	// [ErrNoRecords] and why, which takes no time.
	RecordsOnly bool
	// Within bounds the time for images whose layers must be decompressed, of which the
	// smallest come first. One that was not read in time has Err [ErrNoTime]. 0 is no bound.
	Within time.Duration
}

// The Err of an image that was not read for the sake of time.
var (
	// ErrNoRecords: its layers cannot be read on the engine's host, and it may not be streamed.
	ErrNoRecords = errors.New("the layers cannot be read on the engine's host")
	// ErrNoTime: see [Daemon.Within].
	ErrNoTime = errors.New("there was no time to read the layers")
)

// request is an image as it was asked for.
type request struct {
	name string
	tags []string // all that there are, if it was asked for by none
	id   string
	err  error
}

// Images visits the wanted images. The error is for a daemon that does not
// answer; an image that does not exist, or vanishes meanwhile, has Err set.
func (d Daemon) Images(ctx context.Context, v Visitor) ([]Image, error) {
	info, err := d.Engine.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon about itself: %w", err)
	}
	requests, err := d.requests(ctx)
	if err != nil {
		return nil, err
	}
	images := d.visit(ctx, v, info, requests)
	return images, ctx.Err()
}

// visit reads each image once, and gives it once for each request.
func (d Daemon) visit(ctx context.Context, v Visitor, info system.Info, requests []request) []Image {
	if hasContainerdStore(info) {
		return d.stored(ctx, v, info, requests)
	}
	ids := idsOf(requests)
	found, errs := d.recorded(ctx, v, info, ids)
	recallImages(ctx, v, ids, found)
	for _, id := range ids {
		if _, ok := found[id]; !ok && d.RecordsOnly {
			found[id] = Image{Source: sourceDaemon, ID: id, Err: noRecords(errs[id])}
		}
	}
	d.streamed(ctx, v, slices.DeleteFunc(ids, func(id string) bool { _, ok := found[id]; return ok }), found)
	var images []Image
	for _, w := range requests {
		if w.err != nil {
			images = append(images, Image{Name: w.name, Source: sourceDaemon, Err: w.err})
			continue
		}
		img := d.forPlatform(found[w.id])
		img.Name, img.Tags = w.name, w.tags
		images = append(images, img)
	}
	return images
}

// stored reads the images of an engine with containerd's image store, one after the
// other. An image that has several names is read once.
func (d Daemon) stored(ctx context.Context, v Visitor, info system.Info, requests []request) (all []Image) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if d.Within > 0 {
		limited, cancel = context.WithTimeout(ctx, d.Within)
	}
	defer cancel()
	stores, why := d.contentStores(limited, v, info, requests)
	if why != nil && !errors.Is(why, fs.ErrPermission) && d.Note != nil && ctx.Err() == nil {
		d.Note(why)
	}
	visited := map[string]unpack.Result{}
	byID := map[string][]Image{}
	if !d.RecordsOnly {
		elsewhere := slices.DeleteFunc(slices.Clone(requests), func(w request) bool { _, here := findStore(stores, w); return here })
		byID = d.together(ctx, v, idsOf(elsewhere))
	}
	for _, w := range requests {
		images, known := byID[w.id]
		c, here := findStore(stores, w)
		c.known = visited
		switch {
		case w.err != nil:
			images = []Image{{Source: sourceDaemon, Err: w.err}}
		case known:
		case here:
			images = c.read(limited, v, d.Platform)
		case d.RecordsOnly:
			images = []Image{{Source: sourceDaemon, ID: w.id, Err: noRecords(why)}}
		default:
			images = d.saved(ctx, v, w)
		}
		if w.err == nil {
			byID[w.id] = images
		}
		for _, img := range images {
			if img.Name, img.Tags = w.name, w.tags; img.Err != nil && limited.Err() != nil && ctx.Err() == nil {
				img.Err = ErrNoTime
			}
			all = append(all, img)
		}
	}
	return all
}

// forPlatform gives an image an error if it is for another platform than the
// wanted one: an engine with a graph driver has but one for each name.
func (d Daemon) forPlatform(img Image) Image {
	if img.Err != nil {
		return img
	}
	p := Options{Platform: d.Platform}.choose([]plan{{Image: img}})[0]
	if p.Err != nil {
		return Image{Source: img.Source, ID: img.ID, Platform: img.Platform, Err: p.Err}
	}
	return img
}

func noRecords(why error) error {
	if why == nil {
		return ErrNoRecords
	}
	return fmt.Errorf("%w: %w", ErrNoRecords, why)
}

// recorded tries the layer records of each host, which have no blobs. The errors say by image
// ID why the last host has not been of use.
func (d Daemon) recorded(ctx context.Context, v Visitor, info system.Info, ids []string) (found map[string]Image, errs map[string]error) {
	found = map[string]Image{}
	if _, ok := v.(BlobVisitor); ok {
		return found, nil
	}
	for _, files := range d.Hosts {
		rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, ok := found[id]; return ok })
		r := records{files: files, dataRoot: info.DockerRootDir, driver: info.Driver, engine: d.engine(info)}
		var images map[string]Image
		images, errs = r.read(ctx, v, rest)
		for id, img := range images {
			found[id] = img
		}
	}
	return found, errs
}

// hasContainerdStore: such an engine (24 and later) has no layer records, and
// its image IDs are not digests of configurations.
func hasContainerdStore(info system.Info) bool {
	return dockerd.ContainerdStore(info.DriverStatus)
}

func idsOf(requests []request) (ids []string) {
	known := map[string]bool{}
	for _, w := range requests {
		if w.err == nil && !known[w.id] {
			known[w.id] = true
			ids = append(ids, w.id)
		}
	}
	return ids
}

// requests finds the images behind the names, or all there are.
func (d Daemon) requests(ctx context.Context) ([]request, error) {
	if d.All {
		return d.all(ctx)
	}
	var requests []request
	for _, name := range d.Names {
		if _, err := reference.ParseAnyReference(name); err != nil {
			requests = append(requests, request{name: name, err: fmt.Errorf("neither the name of an image, nor a file that is here: %w", err)})
			continue
		}
		got, err := d.Engine.ImageInspect(ctx, name)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if cerrdefs.IsNotFound(err) {
			err = fmt.Errorf("the engine has no such image: pull it, or audit it in its registry as docker://%s; a file is given by its path", name)
		}
		requests = append(requests, request{name: name, id: got.ID, err: err})
	}
	return requests, nil
}

func (d Daemon) all(ctx context.Context) ([]request, error) {
	list, err := d.Engine.ImageList(ctx, dockerimage.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the daemon's images: %w", err)
	}
	if d.Within > 0 { // as many as there is time for
		slices.SortStableFunc(list, func(a, b dockerimage.Summary) int { return cmp.Compare(a.Size, b.Size) })
	}
	var requests []request
	for _, s := range list {
		tags := slices.DeleteFunc(slices.Clone(s.RepoTags), func(tag string) bool { return tag == "<none>:<none>" })
		if len(tags) == 0 {
			tags = []string{s.ID}
		}
		slices.Sort(tags)
		requests = append(requests, request{name: tags[0], tags: tags, id: s.ID})
	}
	if d.Within == 0 {
		slices.SortStableFunc(requests, func(a, b request) int { return strings.Compare(a.name, b.name) })
	}
	return requests, nil
}
