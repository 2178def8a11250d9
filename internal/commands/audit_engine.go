package commands

import (
	"context"
	"sync"
	"time"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker/cli/cli/command"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
)

// quietTime is how long an engine may take to say whether it is remapped, where
// nothing else is asked of it.
const quietTime = 3 * time.Second

// lazyEngine is the engine of the current context, connected to once, and only
// when it is needed: an audit of a file needs none.
type lazyEngine struct {
	dockerCLI command.Cli
	needed    bool // images of the engine are wanted
	once      sync.Once
	api       client.APIClient
	host      string
	err       error
}

// connect gives the client, and the engine's address.
func (e *lazyEngine) connect(ctx context.Context) (client.APIClient, string, error) {
	e.once.Do(func() {
		var ep, err = endpoint(e.dockerCLI)
		if e.host, e.err = ep.Host, err; err == nil {
			e.api, _, e.err = connect(ctx, e.dockerCLI)
		}
	})
	return e.api, e.host, e.err
}

// info is what the engine says of itself. No engine is no error here: where only
// files are audited it has little time, and where its own images are, reading
// them will tell.
func (e *lazyEngine) info(ctx context.Context) (info system.Info, endpoint string, ok bool) {
	if !e.needed {
		return askQuietly(ctx, e.dockerCLI)
	}
	api, endpoint, err := e.connect(ctx)
	if err == nil {
		info, err = api.Info(ctx)
	}
	return info, endpoint, err == nil
}

func askQuietly(ctx context.Context, dockerCLI command.Cli) (system.Info, string, bool) {
	ep, err := endpoint(dockerCLI)
	if err != nil {
		return system.Info{}, "", false
	}
	options, err := ep.ClientOpts()
	if err != nil {
		return system.Info{}, "", false
	}
	api, err := client.NewClientWithOpts(options...)
	if err != nil {
		return system.Info{}, "", false
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(ctx, quietTime)
	defer cancel()
	info, err := api.Info(ctx)
	return info, ep.Host, err == nil
}

// engineSource is the images of the engine, by name or all of them.
type engineSource struct {
	engine   *lazyEngine
	names    []string
	all      bool
	platform string
}

// Images reads the images out of the engine's layer records where this process
// can look at the files of the engine's host, and else as the engine sends them.
func (s engineSource) Images(ctx context.Context, v image.Visitor) ([]image.Image, error) {
	api, endpoint, err := s.engine.connect(ctx)
	if err != nil {
		return nil, err
	}
	hosts := readersOf(endpoint)
	defer hosts.Close()
	d := image.Daemon{Engine: api, Names: s.names, All: s.all, Platform: s.platform, Hosts: hosts.files()}
	return d.Images(ctx, v)
}

// fileSource is a file or folder that the user named by its path.
type fileSource struct {
	path string
	o    image.Options
}

// Images reads what lies at the path.
func (s fileSource) Images(ctx context.Context, v image.Visitor) ([]image.Image, error) {
	src, err := image.Open(s.path, s.o)
	if err != nil {
		return nil, err
	}
	return src.Images(ctx, v)
}
