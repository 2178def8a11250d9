package proof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
)

// soak looks on until the time is over, or there is a reason to undo the change.
func (p *Proof) soak(ctx context.Context) error {
	var seen observations
	for end := time.Now().Add(p.Soak); time.Now().Before(end); {
		p.Target() // a day of rounds asks for more than one look may
		seen.started(p.probe.Start(ctx))
		seen.health.add(p.healthy(ctx))
		seen.socket.add(p.reached(ctx))
		if err := errors.Join(seen.undo(p.StartP95), p.renew(ctx)); err != nil {
			return err
		}
		if err := pause(ctx, min(lookPause, time.Until(end))); err != nil {
			return err
		}
	}
	return nil
}

// observations are what was seen of a host while a change soaks: whether containers
// start and how long that takes, the health endpoint, the socket.
type observations struct {
	starts, health, socket streak
	took                   []time.Duration
}

// streak counts failures in a row.
type streak struct {
	length int
	last   error
}

func (s *streak) add(err error) {
	if s.last = err; err == nil {
		s.length = 0
	} else {
		s.length++
	}
}

const (
	// maxFailures is how often in a row something may fail before a change is
	// undone for it: one lost packet is no reason to stop all containers.
	maxFailures = 3
	// minStarts: fewer do not show what the slowest one in twenty takes.
	minStarts = 5
)

// started adds one start of a container.
func (o *observations) started(took time.Duration, err error) {
	o.starts.add(err)
	if err == nil {
		o.took = append(o.took, took)
	}
}

// undo is the reason to undo the change, nil for none: three failures in a row of
// one kind, or starts whose 95th percentile is over a limit.
func (o *observations) undo(p95 time.Duration) error {
	for _, k := range []struct {
		streak
		what string
	}{{o.starts, "containers do not start"}, {o.health, "the health endpoint is bad"}, {o.socket, "the socket does not answer"}} {
		if k.length >= maxFailures {
			return fmt.Errorf("%s, %d times in a row: %w", k.what, k.length, k.last)
		}
	}
	if slow := apps.Percentile(o.took, 95); len(o.took) >= minStarts && slow > p95 {
		return fmt.Errorf("containers start slowly: the 95th percentile of %d starts is %s, over the limit of %s", len(o.took), slow.Round(time.Millisecond), p95)
	}
	return nil
}
