package remap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
)

// attempt is a plan that is being carried out.
type attempt struct {
	Runner
	plan    Plan
	armed   bool      // the host may undo the change automatically
	renewed time.Time // when that was last put off
}

// renew puts the undo off once half of the time is gone.
func (a *attempt) renew(ctx context.Context) error {
	if !a.armed || time.Since(a.renewed) < a.plan.Timeout/2 {
		return nil
	}
	return a.renewNow(ctx)
}

func (a *attempt) renewNow(ctx context.Context) error {
	if a.plan.Unit == "" { // nothing there would undo it
		return nil
	}
	err := a.plan.call("giving the change more time", "renew", seconds(a.plan.Timeout)).do(ctx, a)
	if err == nil {
		a.renewed = time.Now()
	}
	return err
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

func (c command) do(ctx context.Context, a *attempt) error {
	res, err := a.Host.Run(ctx, host.Command{Args: c.args})
	if err != nil {
		return fmt.Errorf("%s: %w", c.why, err)
	}
	if res.Code != 0 {
		return &CommandError{Why: c.why, Code: res.Code, Said: lastWords(res)}
	}
	return nil
}

func (w write) do(ctx context.Context, a *attempt) error {
	if err := a.Host.Replace(ctx, w.file); err != nil {
		return fmt.Errorf("writing %s: %w", w.file.Path, err)
	}
	return nil
}

// do arms. If the answer is lost, it may be armed. If the script says that it did
// not, it has cleaned up.
func (c arm) do(ctx context.Context, a *attempt) error {
	err := c.command.do(ctx, a)
	var refused *CommandError
	a.armed, a.renewed = !errors.As(err, &refused), time.Now()
	return err
}

func (c copyOver) do(ctx context.Context, a *attempt) error {
	return a.Copier.Prepare(ctx, c.job, a.Events.Copying)
}

func (i install) do(ctx context.Context, a *attempt) error {
	if err := a.Granter.Install(ctx, i.folder); err != nil {
		return fmt.Errorf("placing the program that gives rights in %s: %w", i.folder, err)
	}
	return nil
}

func (c restart) do(ctx context.Context, a *attempt) error {
	if err := c.command.do(ctx, a); err != nil {
		if late := a.late(a.renew(ctx)); late != nil { // the undo may have ended this restart
			return fmt.Errorf("%w: %w", late, err)
		}
		return a.late(err)
	}
	return a.late(a.renewNow(ctx)) // the restart may have taken its time
}

// late explains that the host has begun to undo the change automatically at a restart:
// it took too long.
func (a *attempt) late(err error) error {
	var refused *CommandError
	if !errors.As(err, &refused) || refused.Code != codeDecided {
		return err
	}
	return fmt.Errorf("%[1]s did not come up within the %[2]s that the host waits for it (--confirm-timeout), so the host undid the change; see what it did meanwhile with: journalctl -u %[1]s",
		a.plan.Unit, short(a.plan.Timeout))
}

func (c disarm) do(ctx context.Context, a *attempt) error {
	err := c.command.do(ctx, a)
	a.armed = err != nil
	return err
}

func (s start) do(ctx context.Context, a *attempt) error {
	return a.Prover.Start(ctx, a.plan, s.containers, a.renew)
}

func (prove) do(ctx context.Context, a *attempt) error { return a.Prover.Prove(ctx, a.plan, a.renew) }

// lastWords is what a command said at its end.
func lastWords(r host.Result) string {
	said := strings.TrimSpace(string(r.Stderr))
	if said == "" {
		said = strings.TrimSpace(string(r.Stdout))
	}
	return escape.Tail(said, maxSaid)
}

const maxSaid = 2000
