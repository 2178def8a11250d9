package survey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

// API are the calls that a survey makes; a docker client has them.
type API interface {
	Info(context.Context) (system.Info, error)
	ServerVersion(context.Context) (types.Version, error)
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ContainerInspect(context.Context, string) (container.InspectResponse, error)
	ImageList(context.Context, image.ListOptions) ([]image.Summary, error)
	VolumeList(context.Context, volume.ListOptions) (volume.ListResponse, error)
	DiskUsage(context.Context, types.DiskUsageOptions) (types.DiskUsage, error)
	NetworkList(context.Context, network.ListOptions) ([]network.Summary, error)
	PluginList(context.Context, filters.Args) (types.PluginsListResponse, error)
	ServiceList(context.Context, swarm.ServiceListOptions) ([]swarm.Service, error)
}

// caller makes calls, a few at a time.
type caller struct {
	api   API
	slots chan struct{}
	sizes time.Duration // that the sizes of volumes are waited for
}

func newCaller(api API, atOnce int, sizes time.Duration) *caller {
	return &caller{api: api, slots: make(chan struct{}, atOnce), sizes: sizes}
}

// call waits for a slot and makes one call.
func call[T any](c *caller, f func() (T, error)) (T, error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	return f()
}

// all runs functions at the same time; in their order where only one call is
// made at a time, so that the slowest can be put last.
func (c *caller) all(functions ...func()) {
	if cap(c.slots) > 1 {
		all(functions...)
		return
	}
	for _, f := range functions {
		f()
	}
}

// all runs functions at the same time.
func all(functions ...func()) {
	var wg sync.WaitGroup
	for _, f := range functions {
		wg.Go(f)
	}
	wg.Wait()
}

// askEngine fills in all that the API says. Where the daemon does not answer,
// every group says so.
func askEngine(ctx context.Context, c *caller, f *Facts) (containers []inspected) {
	f.Engine.Value, f.Engine.Err = c.engine(ctx)
	if f.Engine.Err != nil {
		down := silence(f.Engine.Err)
		f.Engine.Err, f.Containers.Err, f.Images.Err, f.Volumes.Err = down, down, down, down
		f.Networks.Err, f.Plugins.Err, f.Swarm.Err = down, down, down
		return nil
	}
	manager := f.Engine.Value.Swarm.Manager
	c.all(
		func() { containers, f.Containers.Err = c.containers(ctx) },
		func() { f.Images.Value, f.Images.Err = c.images(ctx) },
		func() { f.Networks.Value, f.Networks.Err = c.networks(ctx) },
		func() { f.Plugins.Value, f.Plugins.Err = c.plugins(ctx) },
		func() {
			if manager {
				f.Swarm.Value, f.Swarm.Err = c.services(ctx)
			}
		},
		func() { f.Volumes.Value, f.Volumes.Err = c.volumes(ctx) },
	)
	return containers
}

// silence says what it means that the API did not tell of itself. A daemon that finds
// a request bad, status 400, runs all the same: all that it can dislike about these is
// their version (versionMiddleware of moby, daemon/server/middleware/version.go).
func silence(err error) error {
	if cerrdefs.IsInvalidArgument(err) {
		return fmt.Errorf("%w: %w", ErrAPIVersion, err)
	}
	return fmt.Errorf("%w: %w", ErrDaemonDown, err)
}

// engine asks /info and /version.
func (c *caller) engine(ctx context.Context) (Engine, error) {
	var info system.Info
	var version types.Version
	var errInfo, errVersion error
	c.all(
		func() { info, errInfo = call(c, func() (system.Info, error) { return c.api.Info(ctx) }) },
		func() {
			version, errVersion = call(c, func() (types.Version, error) { return c.api.ServerVersion(ctx) })
		},
	)
	if errInfo != nil {
		return Engine{}, fmt.Errorf("asking the engine about itself: %w", errInfo)
	}
	if errVersion != nil {
		return Engine{}, fmt.Errorf("asking the engine for its version: %w", errVersion)
	}
	return engineOf(info, version), nil
}

func (c *caller) images(ctx context.Context) ([]Image, error) {
	list, err := call(c, func() ([]image.Summary, error) { return c.api.ImageList(ctx, image.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	return imagesOf(list), nil
}

// volumes lists the volumes. Their sizes are added where the engine finds them
// in time: it walks through every file of every volume for them, and before API
// 1.42 through those of all containers too.
func (c *caller) volumes(ctx context.Context) ([]Volume, error) {
	list, err := call(c, func() (volume.ListResponse, error) { return c.api.VolumeList(ctx, volume.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	if len(list.Volumes) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.sizes)
	defer cancel()
	usage, err := call(c, func() (types.DiskUsage, error) {
		return c.api.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.VolumeObject}})
	})
	if err != nil {
		usage = types.DiskUsage{} // the volumes are known all the same
	}
	return volumesOf(list.Volumes, usage.Volumes), nil
}

func (c *caller) networks(ctx context.Context) ([]Network, error) {
	list, err := call(c, func() ([]network.Summary, error) { return c.api.NetworkList(ctx, network.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	return networksOf(list), nil
}

func (c *caller) plugins(ctx context.Context) ([]Plugin, error) {
	list, err := call(c, func() (types.PluginsListResponse, error) { return c.api.PluginList(ctx, filters.Args{}) })
	if err != nil {
		return nil, fmt.Errorf("listing plugins: %w", err)
	}
	return pluginsOf(list), nil
}

func (c *caller) services(ctx context.Context) ([]SwarmService, error) {
	list, err := call(c, func() ([]swarm.Service, error) { return c.api.ServiceList(ctx, swarm.ServiceListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing swarm services: %w", err)
	}
	return servicesOf(list), nil
}

// inspected is a container with what only the survey itself needs of it.
type inspected struct {
	Container
	layers []string // folders of its root file system on the host, topmost first
}

// containers lists all containers and inspects each: the list does not say who
// they run as or what they may do.
func (c *caller) containers(ctx context.Context) ([]inspected, error) {
	list, err := call(c, func() ([]container.Summary, error) {
		return c.api.ContainerList(ctx, container.ListOptions{All: true})
	})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	if len(list) > many && cap(c.slots) == 1 { // worth a second connection
		c = newCaller(c.api, 2, c.sizes)
	}
	answers := make([]inspected, len(list))
	errs := make([]error, len(list))
	inspections := make([]func(), len(list))
	for i := range list {
		inspections[i] = func() { answers[i], errs[i] = c.inspect(ctx, list[i].ID) }
	}
	c.all(inspections...)
	return kept(answers), errors.Join(errs...)
}

// many containers are inspected two at a time even over ssh.
const many = 20

func (c *caller) inspect(ctx context.Context, id string) (inspected, error) {
	answer, err := call(c, func() (container.InspectResponse, error) { return c.api.ContainerInspect(ctx, id) })
	if err != nil {
		if isNotFound(err) { // removed since it was listed
			return inspected{}, nil
		}
		return inspected{}, fmt.Errorf("inspecting container %.12s: %w", id, err)
	}
	return containerOf(answer), nil
}
