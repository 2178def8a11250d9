package probe

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// API are the calls that probes and commands in containers make; a docker
// client has them. They are the same from API 1.41 (20.10) on.
type API interface {
	ServerVersion(context.Context) (types.Version, error)
	ImageImport(context.Context, image.ImportSource, string, image.ImportOptions) (io.ReadCloser, error)
	ImageList(context.Context, image.ListOptions) ([]image.Summary, error)
	ImageRemove(context.Context, string, image.RemoveOptions) ([]image.DeleteResponse, error)
	ContainerCreate(context.Context, *container.Config, *container.HostConfig, *network.NetworkingConfig, *ocispec.Platform, string) (container.CreateResponse, error)
	ContainerStart(context.Context, string, container.StartOptions) error
	ContainerInspect(context.Context, string) (container.InspectResponse, error)
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ContainerTop(context.Context, string, []string) (container.TopResponse, error)
	ContainerRemove(context.Context, string, container.RemoveOptions) error
	ContainerAttach(context.Context, string, container.AttachOptions) (types.HijackedResponse, error)
	ContainerExecCreate(context.Context, string, container.ExecOptions) (container.ExecCreateResponse, error)
	ContainerExecAttach(context.Context, string, container.ExecAttachOptions) (types.HijackedResponse, error)
	ContainerExecInspect(context.Context, string) (container.ExecInspect, error)
	VolumeList(context.Context, volume.ListOptions) (volume.ListResponse, error)
	VolumeRemove(context.Context, string, bool) error
}

// Probe makes throw-away containers: without a network, without capabilities,
// with a read-only root file system, labelled [Label]. What it makes is
// removed again, also if the context ends meanwhile; what a killed process
// left behind is removed by the first use of the next Probe.
//
//	p := &probe.Probe{API: engine, Host: h, Map: m}
//	defer p.Close()
//	seen, err := p.Run(ctx)     // the proof, see Report.Results
//	took, err := p.Start(ctx)   // one start, as often as need be
//
// The image is imported by the first call and kept until Close. It is lost when
// the engine is restarted with another data root: make another Probe then.
type Probe struct {
	API API
	// Host is the daemon's own; host.None if it is out of reach. A host that
	// turns out to be another machine is not believed.
	Host host.Host
	// Image is one that the engine has and that holds a sh; its containers run
	// that. Without it they run this very program, which has to be static and of
	// the engine's platform: [ErrImage] if it is not.
	Image string
	// Map is what the containers are expected under. The zero Map is an engine
	// that does not remap: IDs inside are those of the host.
	Map idmap.Map

	silent  atomic.Bool // the last thing to be removed was waited for in vain
	mu      sync.Mutex
	ready   bool
	image   string // that was imported
	Program string // instead of this one; for tests
}

// Limits of one probe.
const (
	lifetime    = time.Minute      // a container ends by itself after it
	graceTime   = 10 * time.Second // for an answer after it is all over
	cleanupTime = 20 * time.Second // for removing one thing
	silentTime  = time.Second      // likewise, after another was waited for in vain
	pollTime    = 20 * time.Millisecond
	maxText     = 64 << 10 // bytes that a probe may say
)

// Run makes one container, has root and UID 1000 in it say what they see and
// write a file each into a volume and into a bind mount, and looks at both from
// outside. An error means that nothing could be proven, not that the proof failed:
// [Report.Results] reports whether it is as it should be.
func (p *Probe) Run(ctx context.Context) (Report, error) {
	if err := p.prepare(ctx); err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	dir, dirErr := p.makeDir(ctx)
	defer p.removeDir(dir)
	c, err := p.runContainer(ctx, dir)
	if err != nil && dir != "" && mountMissing(err, dir) { // another machine's, or another mount namespace
		dirErr, dir = err, ""
		c, err = p.runContainer(ctx, dir)
	}
	if err != nil {
		return Report{}, err
	}
	defer p.removeContainer(c.name)
	return p.observe(ctx, c, dirErr)
}

// Start creates a container and starts it, sees that it runs, removes it, and
// gives the time that creating and starting it took.
func (p *Probe) Start(ctx context.Context) (time.Duration, error) {
	if err := p.prepare(ctx); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	c, err := p.runContainer(ctx, "")
	if err != nil {
		return 0, err
	}
	p.removeContainer(c.name)
	return c.took, nil
}

// Close removes the image that was imported. The Probe may be used again.
func (p *Probe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = false
	return p.removeImage()
}

// lasting gives a context that ends a little later than ctx: for a call that makes
// something, whose answer is waited for so that it can be removed.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
