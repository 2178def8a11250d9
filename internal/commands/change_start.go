package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker/docker/api/types/container"
)

// startTime is how long one container may take to start.
const startTime = time.Minute

// start starts containers by their IDs. One that needs another to run is tried
// again as long as others start. What does not start is said, and is no reason to
// undo the change: it may have been broken before.
func (c *change) start(ctx context.Context, containers []remap.Thing, alive func(context.Context) error) error {
	p := &proof{change: c, alive: alive}
	if err := p.waitForEngine(ctx); err != nil {
		return err
	}
	left, failed := containers, map[string]error{}
	for progress := true; progress && len(left) > 0; {
		var again []remap.Thing
		for _, one := range left {
			if failed[one.ID] = c.startOne(ctx, one.ID); failed[one.ID] != nil {
				again = append(again, one)
			}
			if err := errors.Join(ctx.Err(), alive(ctx)); err != nil {
				return err
			}
		}
		progress, left = len(again) < len(left), again
	}
	for _, one := range left {
		fmt.Fprintf(c.cli.Err(), "      starting container %s: %s\n", escape.Line(one.String()), escape.Line(failed[one.ID].Error()))
	}
	return nil
}

func (c *change) startOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return c.ContainerStart(ctx, id, container.StartOptions{})
}
