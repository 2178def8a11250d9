package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/proof"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/pflag"
)

// changeOptions are what enable and disable have in common.
type changeOptions struct {
	dryRun    bool
	noRestart bool
	timeout   time.Duration
	format    string
}

// minTimeout leaves time for a quick restart. The proof puts the end off.
const minTimeout = 30 * time.Second

func (o *changeOptions) install(flags *pflag.FlagSet) {
	flags.BoolVar(&o.dryRun, "dry-run", false, "Show the plan without changing anything")
	flags.BoolVar(&o.noRestart, "no-restart", false, "Change the files without restarting the daemon")
	flags.DurationVar(&o.timeout, "confirm-timeout", 5*time.Minute, "Time after which the host undoes the change unless it is proven good")
	flags.StringVar(&o.format, "format", "", changeFormatHelp)
}

func (o *changeOptions) validate() error {
	if o.timeout < minTimeout || o.timeout > 24*time.Hour {
		return fmt.Errorf("--confirm-timeout %s: it must be between %s and 24h", o.timeout, minTimeout)
	}
	if o.format != "" && o.format != formatter.TableFormatKey && o.format != formatter.JSONFormatKey {
		return fmt.Errorf("--format %s: it must be table or json", o.format)
	}
	return nil
}

// errOutOfReach: the engine or its host cannot be read.
var errOutOfReach = errors.New("no change can be made from here")

// vitalFailure is why a change cannot be made, or nil: one of the vital checks failed or could
// not be answered, or one of others. on is the machine that their commands are for.
func vitalFailure(on string, results []report.Result, others ...string) error {
	vital := append(check.Vital(), others...)
	var failed []report.Result
	unknown := false
	for _, r := range results {
		if slices.Contains(vital, r.ID) && (r.Status == report.Error || r.Status == report.Unknown) {
			failed = append(failed, r)
			unknown = unknown || r.Status == report.Unknown || slices.Contains(check.Reach(), r.ID)
		}
	}
	switch lines := render.Reasons(on, failed); {
	case unknown:
		return &escape.LinesError{Lines: append([]string{errOutOfReach.Error() + ":"}, lines...), Of: errOutOfReach}
	case len(lines) > 0:
		return &escape.LinesError{Lines: lines}
	}
	return nil
}

// refuse says why nothing is changed.
func (t *telling) refuse(why error) error {
	t.result.Why = why.Error()
	fmt.Fprintf(t.cli.Err(), "%s\nNothing was changed.\n", escape.Error(why))
	if errors.Is(why, errOutOfReach) || errors.Is(why, survey.ErrDaemonDown) {
		return errReported
	}
	return errFound
}

// change carries out one plan and tells of it.
type change struct {
	*target
	*telling
	plan  remap.Plan
	clock *render.Clock
	step  int       // that is under way
	began time.Time // of it

	copied carry.State // how far the copy was when it was last heard of
}

func (c *change) text() render.Change {
	return render.Change{Plan: c.plan, On: c.on(), Docker: c.docker}
}

// tell writes a part of what happens to stderr.
func (c *change) tell(text string) { fmt.Fprint(c.cli.Err(), text) }

// apply takes the steps, and says how it ended. What happens goes to stderr.
func (c *change) apply(ctx context.Context, o proofOptions) error {
	p := &proof.Proof{Options: o.Options, API: c.engine, Events: c, Target: c.renewed}
	defer p.Close()
	if c.plan.Carry != nil || c.plan.Rights != "" {
		var err error
		if p.Remote, err = c.remote(); err != nil {
			return err
		}
	}
	c.clock = render.NewClock(c.cli.Err())
	defer c.clock.Stop()
	outcome, why := remap.Runner{Host: c.host, Prover: p, Events: c, Copier: p.Remote, Granter: grant.Remote(p.Remote)}.Apply(ctx, c.plan)
	c.clock.Stop()
	c.ended(outcome, why)
	switch text := c.text(); outcome {
	case remap.Made:
		return nil
	case remap.Refused:
		c.tell(text.Refused(why))
		return errFound
	case remap.Partly:
		c.tell(text.Partly(why))
		return errReported
	case remap.RolledBack:
		if why != nil {
			c.tell(text.Except(why))
		}
		fmt.Fprint(c.out, text.RolledBack(why))
		return errFound
	default:
		c.tell(text.Recover(why))
		return errRecovery
	}
}

// Begin says which step comes now.
func (c *change) Begin(n int, s remap.Step) {
	c.step, c.began = n, time.Now()
	c.objects.Begun(n, s)
	defer c.clock.Start(s.Busy)
	c.tell(c.text().Step(n, s))
}

// Done says how long a step took.
func (c *change) Done(s remap.Step) {
	c.clock.Stop()
	took := time.Since(c.began)
	c.objects.Done(c.step, s, took)
	c.tell(c.text().Took(took))
	paused(s)
}

// Undoing says why the change is undone.
func (c *change) Undoing(why error) {
	c.clock.Stop()
	c.undoing = why
	c.objects.Undoing(why)
	defer c.clock.Start("the host is undoing the change")
	c.tell(c.text().Undoing(why))
}

// Doing says what the proof is doing.
func (c *change) Doing(what string) { c.clock.At(what) }

// Copying says how far the copy is.
func (c *change) Copying(s carry.State) {
	s.Flagged = max(s.Flagged, c.copied.Flagged) // a later pass looks only at what changed
	c.copied = s
	c.objects.Copying(s)
	c.clock.At(render.Copying(c.plan.Carry, s, time.Since(c.began)))
}

// Accepted says what does not hold, and is no reason to undo the change.
func (c *change) Accepted(r report.Result) {
	c.objects.Accepted(r)
	c.tell(c.text().Accepted(r))
}

// Carried says what was copied.
func (c *change) Carried(r carry.Result, compared carry.Compared) {
	c.objects.Carried(r, compared)
	c.tell(c.text().Carried(r, compared, c.copied))
}

// NotStarted names a container that does not start.
func (c *change) NotStarted(one remap.Object, why error) {
	c.objects.NotStarted(one, why)
	c.tell(c.text().NotStarted(one, why))
}

// checked runs the checks on a survey, with the audits of the images where they
// are wanted.
func (t *target) checked(ctx context.Context, f survey.Facts, o check.Options) []report.Result {
	t.auditRecords(ctx, &f, &o, false)
	return check.Run(f, o)
}
