package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/docker/api/types/container"
	"github.com/spf13/cobra"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/survey"
)

type disableOptions struct {
	changeOptions
	proofOptions
	backOptions
	yes     yesValue
	to      string
	forget  bool
	reclaim bool
	noStart bool
	list    bool
}

const disableLong = `Turn off userns-remap, and go back to the data root from before

daemon.json is restored byte for byte as it was before 'docker userns enable', if
nobody else has changed it since; otherwise only userns-remap is removed. Remap
that was turned on by hand is turned off too. The containers that ran before
enable are started again, whatever their restart policy.

What is in the remapped data root stays there, and is available again if remap is
turned on again with the same range. With --carry, it is copied back, too: what
'docker userns enable --carry' carried over, and all that was made and written since.`

func newDisableCommand(dockerCLI command.Cli) *cobra.Command {
	var opts disableOptions
	cmd := &cobra.Command{
		Use:   "disable [OPTIONS]",
		Short: "Turn off userns-remap, and go back to the data root from before",
		Long:  disableLong,
		Example: `  docker userns disable --dry-run
  docker --context prod userns disable --restore-subids
  docker userns disable --reclaim --yes=cache`,
		Args: noArguments("disable", opts.validate),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.telling(dockerCLI, func(to *telling) error { return runDisable(cmd.Context(), to, opts) })
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	opts.changeOptions.install(flags)
	opts.proofOptions.install(flags)
	opts.backOptions.install(flags)
	flags.VarPF(&opts.yes, "yes", "y", "Do not prompt for confirmation; --yes=VOLUME also lets --reclaim delete that volume").NoOptDefVal = everything
	flags.StringVar(&opts.to, "to", "", "Restore daemon.json as it was before this change, see --list")
	flags.BoolVar(&opts.forget, "restore-subids", false, "Remove the user and the ranges too, if enable created them")
	flags.BoolVar(&opts.noStart, "no-start", false, "Do not start the containers that ran before enable")
	flags.BoolVar(&opts.reclaim, "reclaim", false, "Delete the remapped data root, with its containers, images and volumes")
	flags.BoolVar(&opts.list, "list", false, "List the changes that were made on the host, and change nothing")
	for _, flag := range []string{"yes", "to", "restore-subids", "no-start", "reclaim", "dry-run", "no-restart", "carry"} {
		cmd.MarkFlagsMutuallyExclusive("list", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("carry", "no-start") // the proof is that what ran runs
	return cmd
}

// listChanges lists the changes that the engine's host keeps.
func (t *target) listChanges(ctx context.Context, to *telling) error {
	past, err := remap.History(ctx, t.host)
	if err != nil {
		return err
	}
	to.result.Outcome = render.Unchanged
	to.objects.Past(past)
	_, err = io.WriteString(to.out, render.Changes(past))
	return err
}

// yesValue is a flag that is given alone, or with the names of volumes.
type yesValue struct {
	given bool
	names []string
}

const everything = "yes"

// Set reads one use of the flag.
func (y *yesValue) Set(s string) error {
	y.given = true
	if s != everything {
		y.names = append(y.names, strings.Split(s, ",")...)
	}
	return nil
}

// Type names what the flag takes, for its help.
func (*yesValue) Type() string { return "volume" }

// String is the default.
func (y *yesValue) String() string { return strings.Join(y.names, ",") }

func (o *disableOptions) validate() error {
	if err := o.changeOptions.validate(); err != nil {
		return err
	}
	if o.reclaim && o.noRestart {
		return fmt.Errorf("--reclaim cannot delete what the daemon uses until it is restarted: omit --no-restart")
	}
	if o.noRestart && o.wanted() {
		return errUnproven
	}
	return errors.Join(o.proofOptions.validate(), o.backOptions.validate(o.changeOptions, o.to))
}

func runDisable(ctx context.Context, to *telling, opts disableOptions) error {
	t, err := openTarget(ctx, to.cli)
	if err != nil {
		return err
	}
	defer t.Close()
	note := render.NewProgress(to.cli.Err())
	note.Start("looking at " + escape.Line(t.endpoint))
	facts := survey.Take(ctx, t.renewed(), survey.Options{})
	note.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	vital := check.Vital()
	if opts.list { // which a change that is under way does not keep it from
		vital = check.Reach()
	}
	if err := vitalFailure(t.on(), check.Run(facts, check.Options{Only: vital})); err != nil {
		return to.refuse(err)
	}
	if opts.list {
		return t.listChanges(ctx, to)
	}
	left, notRemoved, err := t.planDisable(ctx, facts, opts)
	if err != nil {
		return to.refuse(err)
	}
	plan := left.Plan
	plan.NotRemoved = notRemoved
	for _, why := range notRemoved {
		fmt.Fprintf(to.out, "%s.\n", escape.Line(why))
	}
	if len(plan.Steps) == 0 {
		return to.nothingToDisable(facts, plan)
	}
	note.Start("comparing what both data roots have")
	m, _ := check.NewInput(facts, check.Options{}).Map() // without one, no file is a mapped user's
	left.Sides, left.Unseen = remap.LookAtSides(ctx, t.host, facts, plan.After.DataRoot, m)
	note.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	to.objects.Plan(facts, plan, left.Sides, nil, nil)
	fmt.Fprint(to.out, left.Text(render.StyleOf(to.out)))
	if opts.dryRun {
		to.result.Outcome = render.Planned
		return nil
	}
	if err := confirm(ctx, to.cli, opts.yes.given, "\nMake the change?"); err != nil {
		return err
	}
	c := &change{target: t, telling: to, plan: plan}
	if err := c.apply(ctx, opts.proofOptions); err != nil {
		return err
	}
	fmt.Fprint(to.out, c.text().Disabled())
	c.nameStopped(ctx)
	return nil
}

// nothingToDisable says that remap is off already, or that a daemon that is down is
// so for another reason.
func (t *telling) nothingToDisable(f survey.Facts, plan remap.Plan) error {
	if f.Engine.Err != nil {
		return t.refuse(fmt.Errorf("%w\nIt is not down because of userns-remap: %s does not set it. 'journalctl -u %s' says why it is down",
			f.Engine.Err, f.ConfigPath(), cmp.Or(plan.Unit, "docker")))
	}
	t.result.Outcome = render.Unchanged
	fmt.Fprintf(t.out, "userns-remap is off: the data root is %s. Nothing to do.\n", escape.Line(plan.Before.DataRoot))
	return nil
}

// nameStopped names the containers that ran before remap was turned on and do
// not run again.
func (c *change) nameStopped(ctx context.Context) {
	running, err := c.ContainerList(ctx, container.ListOptions{})
	if err != nil || c.plan.Restart != "" {
		return
	}
	var names []string
	for _, ran := range c.plan.Ran {
		if !slices.ContainsFunc(running, func(r container.Summary) bool { return r.ID == ran.ID }) {
			names = append(names, ran.String())
		}
	}
	c.result.NotRunning = names
	if len(names) > 0 {
		fmt.Fprintf(c.out, "These containers ran before enable, and do not run now: %s\n", c.docker(append([]string{"start"}, names...)...))
	}
}

func (t *target) planDisable(ctx context.Context, f survey.Facts, opts disableOptions) (render.Leaving, []string, error) {
	l := render.Leaving{Facts: f}
	past, err := remap.History(ctx, t.host)
	if err != nil {
		return l, nil, fmt.Errorf("%w: %w", errOutOfReach, err)
	}
	o := remap.DisableOptions{
		To: opts.to, Forget: opts.forget, Volumes: opts.yes.names, NoRestart: opts.noRestart, NoStart: opts.noStart, Timeout: opts.timeout, Now: t.now(ctx),
	}
	var kept []string
	if opts.reclaim {
		var trees []remap.Tree
		trees, kept = remap.Leftovers(f, past)
		if o.Reclaim, err = remap.Look(ctx, t.host, trees); err != nil {
			return l, nil, err
		}
	}
	if o.Carry, err = opts.planBack(ctx, t, f, past, o); err != nil {
		return l, nil, err
	}
	l.Plan, err = remap.PlanDisable(f, past, o)
	return l, append(l.Plan.NotRemoved, kept...), err
}
