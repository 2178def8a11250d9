package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// started is one that runs.
type started struct {
	name   string
	volume string // where the volume is on the host
	bind   string // where the bind mount is on the host, "" if there is none
	took   time.Duration
}

// runContainer creates a container and starts it. It is gone again if that
// does not succeed.
func (p *Probe) runContainer(ctx context.Context, dir string) (started, error) {
	c := started{name: newName("-"), bind: dir}
	began := time.Now()
	err := p.create(ctx, c.name, p.config(), hostConfig(dir))
	if errdefs.IsNotFound(err) && p.Image == "" && !mountMissing(err, dir) {
		if err = p.importAgain(ctx); err == nil {
			began = time.Now()
			err = p.create(ctx, c.name, p.config(), hostConfig(dir))
		}
	}
	if err == nil {
		err = p.start(ctx, c.name)
	}
	c.took = time.Since(began)
	if err == nil {
		err = p.running(ctx, &c)
	}
	if err != nil {
		p.removeContainer(c.name)
		return started{}, p.explained(err)
	}
	return c, nil
}

// create marks a container and its volumes, and makes it. It waits for the answer even
// if ctx ends: a container that is made has to be removed, and the engine does not stop
// making it.
func (p *Probe) create(ctx context.Context, name string, config *container.Config, hostConfig *container.HostConfig) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	config.Labels = map[string]string{Label: labelFor(name)}
	for _, m := range hostConfig.Mounts {
		if m.VolumeOptions != nil {
			m.VolumeOptions.Labels = config.Labels
		}
	}
	longer, cancel := lasting(ctx)
	defer cancel()
	if _, err := p.API.ContainerCreate(longer, config, hostConfig, nil, nil, name); err != nil {
		return fmt.Errorf("creating a container: %w", err)
	}
	return nil
}

func (p *Probe) start(ctx context.Context, name string) error {
	if err := p.API.ContainerStart(ctx, name, container.StartOptions{}); err != nil {
		return fmt.Errorf("starting a container: %w", err)
	}
	return nil
}

// running sees that the container runs, and where its volume is.
func (p *Probe) running(ctx context.Context, c *started) error {
	answer, err := p.API.ContainerInspect(ctx, c.name)
	if err != nil {
		return fmt.Errorf("looking at the container that was started: %w", err)
	}
	if answer.ContainerJSONBase == nil || answer.State == nil || !answer.State.Running {
		return fmt.Errorf("looking at the container that was started: it no longer runs")
	}
	for _, m := range answer.Mounts {
		if m.Destination == volumeDir {
			c.volume = m.Source
		}
	}
	return nil
}

// config is that of a container that waits to be looked at. It ends by itself,
// so that one whose maker was killed does not stay for long.
func (p *Probe) config() *container.Config {
	c := &container.Config{
		Image: p.imageName(), User: "0:0", WorkingDir: "/", StopSignal: "SIGKILL", OpenStdin: true,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Entrypoint:  []string{programPath}, Cmd: []string{"stay"},
	}
	if p.Image != "" {
		c.Entrypoint, c.Cmd = []string{"sh", "-c"}, []string{fmt.Sprintf("sleep %d 2>/dev/null || read -r line", int(lifetime.Seconds()))}
	}
	return c
}

func hostConfig(dir string) *container.HostConfig {
	h := &container.HostConfig{
		NetworkMode: "none", AutoRemove: true, ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		LogConfig: container.LogConfig{Type: "none"},
		Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Target: volumeDir,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}},
	}
	if dir != "" {
		h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeBind, Source: dir, Target: bindDir})
	}
	return h
}

// explained says what to do about errors that a user can cause, or cure.
func (p *Probe) explained(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "session key") && strings.Contains(text, "quota exceeded"):
		return fmt.Errorf("the kernel counts the session keyrings of all containers of a remapped engine as one user's, and takes no more of them; raise the limits (sysctl kernel.keys.maxkeys=20000 kernel.keys.maxbytes=2000000, keyrings(7)) or stop containers: %w", err)
	case p.Image == "":
	case strings.Contains(text, `"sh"`) && (strings.Contains(text, "executable file not found") || strings.Contains(text, "no such file")):
		return fmt.Errorf("image %s has no sh, which the probe runs; name another one with --image: %w", p.Image, err)
	case errdefs.IsNotFound(err):
		return fmt.Errorf("image %s is not on the engine: pull it, or name another one with --image: %w", p.Image, err)
	}
	return err
}

// mountMissing reports whether a container could not be made because the engine
// does not see a directory of the host.
func mountMissing(err error, dir string) bool {
	return err != nil && dir != "" && strings.Contains(err.Error(), dir)
}
