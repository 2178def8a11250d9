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

// askEngine fills in all that the API says. If the daemon does not answer,
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

// noAPI is an engine that cannot be called: the calls that a survey makes first
// fail, so that it makes no other.
type noAPI struct{ API }

var errNoAPI = errors.New("there is no way to call it")

func (noAPI) Info(context.Context) (system.Info, error) { return system.Info{}, errNoAPI }

func (noAPI) ServerVersion(context.Context) (types.Version, error) { return types.Version{}, errNoAPI }

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
