package remap

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Runner carries plans out.
type Runner struct {
	Host    host.Host
	Prover  Prover
	Events  Events
	Copier  Copier  // for plans that carry something
	Granter Granter // for plans that give rights, or take them back
}

// Outcome is how a change ended.
type Outcome string

// The outcomes.
const (
	Made       Outcome = "made"      // every step was taken
	Refused    Outcome = "refused"   // nothing was touched
	RolledBack Outcome = "undone"    // it was undone, and the old state was seen to be back
	Partly     Outcome = "partly"    // it was made, and stays; what was to be cleaned up after it was not
	Uncertain  Outcome = "uncertain" // manual recovery is required
)

var errInterrupted = errors.New("interrupted")

// Apply takes the steps of a plan, one after the other. If one fails, or ctx ends,
// the step says what becomes of the change. If the change is undone, the host is
// read again: the outcome says what was seen. The error is why nothing was done, or
// what there is to say of the host as it was left; Events has heard why the change
// was undone.
func (r Runner) Apply(ctx context.Context, p Plan) (Outcome, error) {
	if p.Restarts && !p.Down {
		if err := r.Prover.Rehearse(ctx, p); err != nil {
			return Refused, err
		}
	}
	a := &attempt{Runner: r, plan: p}
	for n, s := range p.Steps {
		r.Events.Begin(n+1, s)
		if err := a.take(ctx, s); err != nil {
			if ctx.Err() != nil {
				err = errInterrupted
			}
			return a.giveUp(context.WithoutCancel(ctx), s, fmt.Errorf("%s: %w", s.Name, err))
		}
		r.Events.Done(s)
	}
	return Made, nil
}

// take takes a step, unless the host has begun to undo the change: what is done
// after that would stay.
func (a *attempt) take(ctx context.Context, s Step) error {
	if err := a.renew(ctx); err != nil {
		return err
	}
	for _, act := range s.Acts {
		if err := act.do(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends a change that failed at a step.
func (a *attempt) giveUp(ctx context.Context, s Step, why error) (Outcome, error) {
	switch {
	case s.Fails == Refuse && !a.armed:
		return Refused, why
	case s.Fails == Keep:
		return Partly, why
	}
	a.Events.Undoing(why)
	return a.undo(ctx)
}
