package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/pflag"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/proof"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/sh"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// changeOptions are what enable and disable have in common.
type changeOptions struct {
	dryRun    bool
	noRestart bool
	timeout   time.Duration
}

// minTimeout leaves time for a quick restart. The proof puts the end off.
const minTimeout = 30 * time.Second

func (o *changeOptions) install(flags *pflag.FlagSet) {
	flags.BoolVar(&o.dryRun, "dry-run", false, "Show the plan, and change nothing")
	flags.BoolVar(&o.noRestart, "no-restart", false, "Change the files, and leave the restart of the daemon to you")
	flags.DurationVar(&o.timeout, "confirm-timeout", 5*time.Minute, "Time after which the host undoes the change by itself unless it is proven good")
}

func (o *changeOptions) validate() error {
	if o.timeout < minTimeout || o.timeout > 24*time.Hour {
		return fmt.Errorf("--confirm-timeout %s: it has to be between %s and 24h", o.timeout, minTimeout)
	}
	return nil
}

// errOutOfReach: the engine or its host cannot be looked at.
var errOutOfReach = errors.New("nothing can be changed from here")

// fit says why a change cannot be made, or nil: for one of the vital checks, or
// of others.
//
// on is the machine that the commands are for.
func fit(on string, results []report.Result, others ...string) error {
	var reasons []string
	unknown := false
	vital := append(check.Vital(), others...)
	for _, r := range results {
		if (slices.Contains(vital, r.ID)) && (r.Status == report.Error || r.Status == report.Unknown) {
			reasons = append(reasons, fmt.Sprintf("%s (%s)", r.Message, r.ID))
			for i, command := range r.Fix {
				if i == 0 {
					reasons = append(reasons, "On "+on+":")
				}
				reasons = append(reasons, "    "+render.Command(command))
			}
			unknown = unknown || r.Status == report.Unknown || slices.Contains(check.Reach(), r.ID)
		}
	}
	switch {
	case unknown:
		return &escape.LinesError{Lines: append([]string{errOutOfReach.Error() + ":"}, reasons...), Of: errOutOfReach}
	case reasons != nil:
		return &escape.LinesError{Lines: reasons}
	}
	return nil
}

// refuse says why nothing is changed.
func refuse(dockerCLI command.Cli, why error) error {
	fmt.Fprintf(dockerCLI.Err(), "%s\nNothing was changed.\n", escape.Error(why))
	if errors.Is(why, errOutOfReach) || errors.Is(why, survey.ErrDaemonDown) {
		return errReported
	}
	return errFound
}

// change carries out one plan and tells of it.
type change struct {
	*target
	cli   command.Cli
	plan  remap.Plan
	clock *clock
	began time.Time // of the step that is under way
}

// apply takes the steps, and says how it ended. The story goes to stderr.
func (c *change) apply(ctx context.Context, o proofOptions) error {
	p := &proof.Proof{Options: o.Options, API: c.engine, Events: c, Subject: c.subject}
	defer p.Close()
	c.clock = &clock{w: c.cli.Err()}
	defer c.clock.stop()
	outcome, why := remap.Runner{Host: c.host, Prover: p, Events: c}.Apply(ctx, c.plan)
	c.clock.stop()
	err := c.cli.Err()
	switch outcome {
	case remap.Made:
		return nil
	case remap.Refused:
		fmt.Fprintln(err, c.said(why))
		fmt.Fprintln(err, "Nothing was changed.")
		return errFound
	case remap.Partly:
		fmt.Fprintf(err, "%s\nThe change itself was made, and stays. Fix that, and run the command again.\n", c.said(why))
		return errReported
	case remap.Back:
		how := "the previous state is restored"
		if why != nil { // what the host has to say of files that somebody else edited
			fmt.Fprintf(err, "On %s: %s\n", c.on(), escape.Error(why))
			how = "the previous state is restored, except for the above"
		}
		fmt.Fprintf(c.cli.Out(), "The change was rolled back; %s: %s. What happened is in %s/log on %s.\n", how, c.before(), c.plan.Dir(), c.on())
		return errFound
	}
	fmt.Fprintln(err, c.said(why))
	c.callForHelp(err)
	return errPerson
}

// Begin says which step comes now.
func (c *change) Begin(n int, s remap.Step) {
	c.began = time.Now()
	defer c.clock.start(s.Busy)
	fmt.Fprintf(c.cli.Err(), "[%d/%d] %s\n", n, len(c.plan.Steps), escape.Line(s.Title))
}

// Done says how long a step took.
func (c *change) Done(s remap.Step) {
	c.clock.stop()
	if took := time.Since(c.began); took >= time.Second {
		fmt.Fprintf(c.cli.Err(), "      %s\n", took.Round(100*time.Millisecond))
	}
	paused(s)
}

// Undoing says why the change is undone.
func (c *change) Undoing(why error) {
	c.clock.stop()
	defer c.clock.start("the host is undoing the change")
	fmt.Fprintf(c.cli.Err(), "%s\nUndoing the change.%s\n", c.said(why), c.byHost())
}

// Doing says what the proof is doing.
func (c *change) Doing(what string) { c.clock.at(what) }

// NotStarted names a container that does not start.
func (c *change) NotStarted(one remap.Object, why error) {
	fmt.Fprintf(c.cli.Err(), "      starting container %s: %s\n", escape.Line(one.String()), escape.Line(why.Error()))
}

// said is an error, with the machine that the commands in it are for, if it came
// from there.
func (c *change) said(why error) string {
	var refused *remap.CommandError
	if errors.As(why, &refused) {
		return "On " + c.on() + ": " + escape.Error(why)
	}
	return escape.Error(why)
}

// byHost says what is true only where systemd does the undoing.
func (c *change) byHost() string {
	if c.plan.Unit == "" {
		return ""
	}
	return " The host does it by itself, whatever becomes of this command."
}

func (c *change) before() string {
	s := c.plan.Before
	if c.plan.Down {
		return "the daemon was down, and daemon.json is as it was then"
	}
	state := "remap is off"
	if s.Remapped {
		state = "remap is on"
	}
	return fmt.Sprintf("%s, the data root is %s, %s and %s are there", state, escape.Line(s.DataRoot),
		report.Count(len(s.Containers), "container"), report.Count(len(s.Images), "image"))
}

// callForHelp says what a person has to type where the host could not be brought
// back, or not be seen.
func (c *change) callForHelp(w io.Writer) {
	fmt.Fprintf(w, `
Manual recovery required. Run on %[3]s, in this order:

    sudo sh %[1]s/change.sh undo
    sudo journalctl -u %[2]s -n 50 --no-pager
    sudo systemctl reset-failed %[2]s; sudo systemctl restart %[2]s

The files as they were are in %[1]s/backup there, and what was done is in %[1]s/log.
`, c.plan.Dir(), render.Command(sh.Command(orDocker(c.plan.Unit))), c.on())
}

func orDocker(unit string) string {
	if unit == "" {
		return "docker"
	}
	return unit
}

// checked runs the checks on a survey, with the audits of the images where they
// are wanted.
func (t *target) checked(ctx context.Context, f survey.Facts, o check.Options) []report.Result {
	o.Audits = auditRecords(ctx, t.engine, t.host, &f, o, false)
	return check.Run(f, o)
}
