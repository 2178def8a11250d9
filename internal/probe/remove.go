package probe

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
)

// cleaning gives the time to remove one thing, whatever has ended meanwhile. Over
// a link that is dead not every one of them is waited for.
func (p *Probe) cleaning() (context.Context, context.CancelFunc) {
	within := cleanupTime
	if p.silent.Load() {
		within = silentTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	return ctx, func() {
		p.silent.Store(ctx.Err() != nil)
		cancel()
	}
}

// removeContainer removes a container with its volumes, and waits until it is
// gone: the engine removes it too when it ends, at the same time.
func (p *Probe) removeContainer(name string) {
	ctx, cancel := p.cleaning()
	defer cancel()
	for ctx.Err() == nil {
		err := p.API.ContainerRemove(ctx, name, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if errdefs.IsNotFound(err) {
			return
		}
		if _, err = p.API.ContainerInspect(ctx, name); errdefs.IsNotFound(err) {
			return
		}
		time.Sleep(pollTime)
	}
}

// sweep removes what probes left behind whose process was killed: nothing but what
// carries the mark of a probe that was made for that very thing. What cannot be
// removed now is left for the next one.
func (p *Probe) sweep(ctx context.Context) {
	label := filters.NewArgs(filters.Arg("label", Label))
	now := time.Now()
	containers, _ := p.API.ContainerList(ctx, container.ListOptions{All: true, Filters: label})
	for _, c := range containers {
		if abandoned(c.Labels[Label], containerName(c), containerNames, time.Unix(c.Created, 0), now) {
			p.removeContainer(c.ID)
		}
	}
	volumes, _ := p.API.VolumeList(ctx, volume.ListOptions{Filters: label})
	for _, v := range volumes.Volumes {
		made, _ := time.Parse(time.RFC3339, v.CreatedAt)
		mark := v.Labels[Label]
		if survey.Unnamed(v.Name) && abandoned(mark, lastWord(mark), containerNames, made, now) {
			_ = p.API.VolumeRemove(ctx, v.Name, false)
		}
	}
	images, _ := p.API.ImageList(ctx, image.ListOptions{Filters: label})
	for _, i := range images {
		mark := i.Labels[Label]
		name := lastWord(mark)
		if slices.Contains(i.RepoTags, name) && abandoned(mark, name, imageNames, time.Unix(i.Created, 0), now) {
			_, _ = p.API.ImageRemove(ctx, name, image.RemoveOptions{PruneChildren: true})
		}
	}
	p.sweepDirs(ctx)
}

// abandoned reports whether a thing with that mark and name is a probe's whose
// process has ended.
func abandoned(mark, name string, like *regexp.Regexp, made, now time.Time) bool {
	owner, ok := makerOf(mark, name)
	return ok && like.MatchString(name) && leftBehind(owner, made, now)
}

// containerName is the name of a container, "" if links to others make it unclear.
func containerName(c container.Summary) string {
	if len(c.Names) != 1 {
		return ""
	}
	return strings.TrimPrefix(c.Names[0], "/")
}

func lastWord(mark string) string { return mark[strings.LastIndexByte(mark, ' ')+1:] }
