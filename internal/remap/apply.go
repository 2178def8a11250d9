package remap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Runner carries plans out.
type Runner struct {
	Host   host.Host
	Prover Prover
	Events Events
}

// Outcome is how a change ended.
type Outcome string

// The outcomes.
const (
	Made    Outcome = "made"      // every step was taken
	Refused Outcome = "refused"   // nothing was touched
	Back    Outcome = "undone"    // it was undone, and the old state was seen to be back
	Partly  Outcome = "partly"    // it was made, and stays; what was to be cleared away after it was not
	Unsure  Outcome = "uncertain" // the host was left in a state that needs a person
)

// Apply takes the steps of a plan, one after the other. Where one fails, or ctx
// ends, the change is undone on the host, and looked at: the outcome says what
// was seen. The error is why nothing was done, or what is to be said of the host
// as it was left; why it was undone, Events was told.
func (r Runner) Apply(ctx context.Context, p Plan) (Outcome, error) {
	if p.Does(StepProve) && !p.Down {
		if err := r.Prover.Rehearse(ctx, p); err != nil {
			return Refused, err
		}
	}
	w := &watch{runner: r, plan: p}
	for n, s := range p.Steps {
		r.Events.Begin(n+1, s)
		if err := r.step(ctx, s, w); err != nil {
			if ctx.Err() != nil {
				err = errors.New("interrupted")
			}
			return r.giveUp(context.WithoutCancel(ctx), p, s, fmt.Errorf("%s: %w", s.Name, err))
		}
		r.Events.Done(s)
	}
	return Made, nil
}

// errUntouched: the way back was not armed, so nothing was touched.
var errUntouched = errors.New("before anything was touched")

// giveUp ends a change that failed at a step.
func (r Runner) giveUp(ctx context.Context, p Plan, at Step, why error) (Outcome, error) {
	var refusal *CommandError
	switch {
	case errors.Is(why, errUntouched), at.Name == StepArm && errors.As(why, &refusal):
		return Refused, why // the script cleared up behind itself
	case at.Name == StepForget || at.Name == StepReclaim:
		return Partly, why
	}
	r.Events.Undoing(why)
	return r.undo(ctx, p)
}

func (r Runner) step(ctx context.Context, s Step, w *watch) error {
	if err := w.alive(ctx); err != nil { // what comes after the way back was taken would stay
		if s.Name == StepProve {
			return w.late(err)
		}
		return err
	}
	for i, a := range s.Acts {
		err := r.act(ctx, a)
		switch {
		case err != nil && s.Name == StepArm && i < len(s.Acts)-1:
			return fmt.Errorf("%w: %w", errUntouched, err)
		case err != nil && s.Name == StepRestart:
			if late := w.late(w.alive(ctx)); late != nil { // the undo may have ended this restart
				return fmt.Errorf("%w: %w", late, err)
			}
			return w.late(err)
		case err != nil:
			return err
		}
	}
	switch s.Name {
	case StepArm:
		w.renewed = time.Now()
	case StepKeep:
		w.renewed = time.Time{} // nothing is to be put off any more
	case StepStart:
		if err := w.renew(ctx); err != nil { // the restart may have taken its time
			return err
		}
		return r.Prover.Start(ctx, w.plan.Ran, w.alive)
	case StepProve:
		if err := w.renew(ctx); err != nil { // the restart may have taken its time
			return w.late(err)
		}
		return r.Prover.Prove(ctx, w.plan, w.alive)
	}
	return nil
}

// CommandError is a command of a step that did not end with 0.
type CommandError struct {
	Why  string // what it was for
	Code int
	Said string
}

// Error gives what the command was for, and what it said.
func (f *CommandError) Error() string {
	if f.Said == "" {
		return fmt.Sprintf("%s: exit code %d", f.Why, f.Code)
	}
	return fmt.Sprintf("%s: %s", f.Why, f.Said)
}

func (r Runner) act(ctx context.Context, a Act) error {
	if a.File != nil {
		if err := r.Host.Replace(ctx, *a.File); err != nil {
			return fmt.Errorf("writing %s: %w", a.File.Path, err)
		}
		return nil
	}
	res, err := r.Host.Run(ctx, *a.Run)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Why, err)
	}
	if res.Code != 0 {
		return &CommandError{Why: a.Why, Code: res.Code, Said: lastWords(res)}
	}
	return nil
}

// lastWords is what a command said at its end.
func lastWords(r host.Result) string {
	said := strings.TrimSpace(string(r.Stderr))
	if said == "" {
		said = strings.TrimSpace(string(r.Stdout))
	}
	if len(said) > maxSaid {
		said = "…" + strings.ToValidUTF8(said[len(said)-maxSaid:], "")
	}
	return said
}

const maxSaid = 2000

// watch keeps the way back from being taken while the change is being proven.
type watch struct {
	runner  Runner
	plan    Plan
	renewed time.Time
}

// late says what it means that the host has begun to undo the change by itself at a
// restart, or right after one: that the restart took too long.
func (w *watch) late(err error) error {
	var refused *CommandError
	if !errors.As(err, &refused) || refused.Code != codeDecided {
		return err
	}
	return fmt.Errorf("%[1]s did not come up within the %[2]s that the host waits for it (--confirm-timeout), so the host undid the change by itself; 'journalctl -u %[1]s' says what it did meanwhile",
		w.plan.Unit, short(w.plan.Timeout))
}

// alive sets the timer anew once half of the time is gone.
func (w *watch) alive(ctx context.Context) error {
	if w.renewed.IsZero() || time.Since(w.renewed) < w.plan.Timeout/2 {
		return nil
	}
	return w.renew(ctx)
}

func (w *watch) renew(ctx context.Context) error {
	if w.plan.Unit == "" {
		return nil
	}
	err := w.runner.act(ctx, run("setting the timer of the way back anew", "sh", w.plan.scriptPath(), "renew", seconds(w.plan.Timeout)))
	if err == nil {
		w.renewed = time.Now()
	}
	return err
}
