package proof

import (
	"context"
	"errors"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/docker-userns/docker-userns/internal/remap"
)

// startTime is how long one container may take to start.
const startTime = time.Minute

// Start starts containers by their IDs. One that needs another to run is tried
// again as long as others start. Events is told of what does not start, which is no
// reason to undo the change: it may have been broken before.
func (p *Proof) Start(ctx context.Context, plan remap.Plan, containers []remap.Object, renew remap.Renew) error {
	p.renew = renew
	if err := p.waitForEngine(ctx); err != nil {
		return err
	}
	containers, err := p.stopped(ctx, plan, containers)
	if err != nil {
		return err
	}
	left, failed := containers, map[string]error{}
	for progress := true; progress && len(left) > 0; {
		var again []remap.Object
		for _, one := range left {
			if failed[one.ID] = p.startOne(ctx, one.ID); failed[one.ID] != nil {
				again = append(again, one)
			}
			if err := errors.Join(ctx.Err(), renew(ctx)); err != nil {
				return err
			}
		}
		progress, left = len(again) < len(left), again
	}
	for _, one := range left {
		p.Events.NotStarted(one, failed[one.ID])
	}
	return nil
}

func (p *Proof) startOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return p.Target().API.ContainerStart(ctx, id, container.StartOptions{})
}
