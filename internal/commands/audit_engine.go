package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/onhost"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker/cli/cli/command"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/system"
)

// quietTime is how long an engine may take to say whether it is remapped, where
// nothing else is asked of it.
const quietTime = 3 * time.Second

// lazyEngine is the engine of the current context, connected to once, and only
// when it is needed: an audit of a file needs none.
type lazyEngine struct {
	dockerCLI command.Cli
	note      *render.Progress
	once      sync.Once
	engine    *engine
	err       error
}

// connect gives the engine, which has answered.
func (e *lazyEngine) connect(ctx context.Context) (*engine, error) {
	e.once.Do(func() {
		if e.engine, e.err = openEngine(e.dockerCLI); e.err == nil {
			e.err = e.engine.answers(ctx, e.dockerCLI.CurrentContext())
		}
	})
	return e.engine, e.err
}

// Close ends the connection, if there is one.
func (e *lazyEngine) Close() {
	if e.engine != nil {
		_ = e.engine.Close()
	}
}

// info is what the engine says of itself. No engine is no error here: if only files
// are audited, so that it is not needed, it has little time; if its own images are,
// reading them will tell.
func (e *lazyEngine) info(ctx context.Context, needed bool) (system.Info, bool) {
	if !needed {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, quietTime)
		defer cancel()
	}
	engine, err := e.connect(ctx)
	if err != nil {
		return system.Info{}, false
	}
	info, err := engine.Info(ctx)
	return info, err == nil
}

// registry is how registries are asked: with the credentials of this user, as the engine is told.
func (e *lazyEngine) registry() image.Registry {
	at, err := endpoint(e.dockerCLI)
	here := err == nil && (strings.HasPrefix(at.Host, "unix:") || strings.HasPrefix(at.Host, "npipe:"))
	return image.Registry{Credentials: e.dockerCLI.ConfigFile(), EngineElsewhere: !here, Authorities: e.authorities, Engine: func(ctx context.Context) registry.ServiceConfig {
		info, ok := e.info(ctx, false)
		if !ok || info.RegistryConfig == nil {
			return registry.ServiceConfig{}
		}
		return *info.RegistryConfig
	}}
}

// engineSource is the images of the engine, by name or all of them.
type engineSource struct {
	engine   *lazyEngine
	names    []string
	all      bool
	platform string
}

// Images reads the images out of files of the engine's host if this process can look at
// them, and otherwise as the engine sends them.
func (s engineSource) Images(ctx context.Context, v image.Visitor) ([]image.Image, error) {
	engine, err := s.engine.connect(ctx)
	if err != nil {
		return nil, err
	}
	files, done := engine.files(ctx)
	defer done()
	d := image.Daemon{Engine: engine, Names: s.names, All: s.all, Platform: s.platform, Hosts: files, Program: onhost.Program(), At: engine.endpoint}
	d.Note = func(why error) {
		s.engine.note.Say(fmt.Sprintf("images are streamed from the engine, since they cannot be read on its host: %v", why))
	}
	return d.Images(ctx, v)
}
