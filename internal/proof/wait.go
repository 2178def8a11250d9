package proof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const (
	// engineTime is how long an engine that systemd calls started may take to
	// answer, and an application to be healthy.
	engineTime = time.Minute
	// tryPause is between two tries of what may not be ready yet.
	tryPause = 500 * time.Millisecond
	// lookPause is between two rounds of looking at what is to go on working.
	lookPause = 5 * time.Second
)

func (p *Proof) waitForEngine(ctx context.Context) error {
	err := p.retry(ctx, engineTime, func(ctx context.Context) error {
		_, err := p.API.Ping(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for the engine at %s to answer: %w", p.Target().Endpoint, err)
	}
	return nil
}

// becomesHealthy waits for the application, which may only just be starting.
func (p *Proof) becomesHealthy(ctx context.Context) error {
	return p.retry(ctx, engineTime, func(ctx context.Context) error {
		return errors.Join(p.healthy(ctx), p.reached(ctx))
	})
}

func (p *Proof) healthy(ctx context.Context) error {
	if p.Health == nil {
		return nil
	}
	return p.Health.Check(ctx, p.Target().Host)
}

func (p *Proof) reached(ctx context.Context) error {
	if p.Socket.None() {
		return nil
	}
	return p.Socket.Reach(ctx, p.Target().Host, apps.SocketTime)
}

// staysUp sees after a while whether the daemon is still the process that it was
// before.
func (p *Proof) staysUp(ctx context.Context, before survey.Facts) error {
	for end := time.Now().Add(p.Stable); time.Now().Before(end); {
		if err := p.wait(ctx, min(lookPause, time.Until(end))); err != nil {
			return err
		}
	}
	after := p.Survey(ctx)
	if err := after.Engine.Err; err != nil {
		return err
	}
	if a, b := after.Unit.Value, before.Unit.Value; a.MainPID != b.MainPID || a.NRestarts != b.NRestarts {
		return fmt.Errorf("%s did not stay up for %s: process %d became %d", b.Name, p.Stable, b.MainPID, a.MainPID)
	}
	return nil
}

// retry tries until it works, and gives the last error when time is up.
func (p *Proof) retry(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	end := time.Now().Add(limit)
	for {
		err := try(ctx)
		if err == nil || time.Now().After(end) {
			return err
		}
		if stop := p.wait(ctx, tryPause); stop != nil {
			return errors.Join(err, stop) // what was waited for is why, also if time ran out on the host meanwhile
		}
	}
}

// wait pauses, and keeps the host from undoing the change meanwhile.
func (p *Proof) wait(ctx context.Context, d time.Duration) error {
	return errors.Join(pause(ctx, d), p.renew(ctx))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
