package probe

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/docker-userns/docker-userns/internal/report"
)

// Connected is a socket that was tried from inside of a container.
type Connected struct {
	Path    string // in the container
	Refused string // why connect(2) was refused; "" if it was not
}

// Connect tries the sockets at the paths, which are the container's, or below
// them if they are directories, with connect(2): as the user whom the container
// runs as, with its groups, capabilities, security options, user namespace and
// mounts. It is done in a container of its own, made of the same image: nothing
// is run in the one that is asked about, nor anything of the image. A tmpfs and
// files in the container's own layers are missing. Up to 64 sockets are tried.
//
// It takes this very program: [ErrImage] if it cannot run there.
func (p *Probe) Connect(ctx context.Context, name string, paths []string) ([]Connected, error) {
	if p.Image != "" {
		if err := p.checkPlatform(ctx); err != nil {
			return nil, err
		}
	}
	like, err := p.API.ContainerInspect(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("looking at container %s: %w", name, err)
	}
	if like.ContainerJSONBase == nil || like.Config == nil || like.HostConfig == nil {
		return nil, fmt.Errorf("looking at container %s: the engine does not say how it was made", name)
	}
	carrier, remove, err := p.carrier(ctx)
	if err != nil {
		return nil, err
	}
	defer remove()
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	ran, err := p.RunOnce(ctx, asContainer(like, paths), asHost(like, carrier))
	if err != nil {
		return nil, fmt.Errorf("trying the sockets of container %s: %w", name, err)
	}
	found, complete := parseConnected(string(ran.Stdout))
	if !complete {
		return nil, fmt.Errorf("trying the sockets of container %s: exit code %d: %s", name, ran.Code, report.Beginning(ran.Stderr))
	}
	return found, nil
}

// carrier is a container that is never started: the engine copies this program
// out of its image into its volume, which others can mount.
func (p *Probe) carrier(ctx context.Context) (name string, remove func(), err error) {
	own, done := p, func() {}
	if p.Image != "" { // which does not hold this program
		own = &Probe{API: p.API, Host: p.Host, Program: p.Program}
		done = func() { _ = own.Close() }
	}
	name = newName("-")
	remove = func() {
		own.removeContainer(name)
		done()
	}
	if err = own.prepare(ctx); err == nil {
		h := hostConfig("")
		h.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: programDir, VolumeOptions: &mount.VolumeOptions{}}}
		err = own.create(ctx, name, own.config(), h)
	}
	if err != nil {
		remove()
	}
	return name, remove, err
}

func asContainer(like container.InspectResponse, paths []string) *container.Config {
	return &container.Config{
		Image: like.Image, User: like.Config.User, WorkingDir: "/",
		Entrypoint: []string{programPath, "connect"}, Cmd: paths,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
}

func asHost(like container.InspectResponse, carrier string) *container.HostConfig {
	h := like.HostConfig
	return &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true,
		VolumesFrom: []string{carrier + ":ro", like.ID},
		GroupAdd:    h.GroupAdd, CapAdd: h.CapAdd, CapDrop: h.CapDrop,
		SecurityOpt: h.SecurityOpt, UsernsMode: h.UsernsMode,
	}
}

// parseConnected reads what connectInside says.
func parseConnected(text string) (found []Connected, complete bool) {
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if key == lastLine {
			return found, true
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			continue
		}
		c := Connected{}
		c.Path, _ = strconv.Unquote(quoted)
		if key == "refused" {
			c.Refused = strings.TrimSpace(rest[len(quoted):])
		}
		found = append(found, c)
	}
	return found, false
}
