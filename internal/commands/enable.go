package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
)

type enableOptions struct {
	changeOptions
	proofOptions
	carryOptions
	yes     bool
	accept  []string
	user    string
	ids     string
	driver  string
	idRange idmap.Range
}

const enableLong = `Turn on userns-remap

This looks at the engine and its host as 'docker userns check' does, shows what
it would do and what stays behind, and asks for confirmation. Then it creates a
user with a range of IDs of its own, edits daemon.json, restarts the daemon,
which stops every running container, and proves that remap holds.

With --carry, images, volumes, networks and containers are copied to the remapped
engine, with shifted owners, before anything is changed; what changed meanwhile
is copied while the daemon is down, and what ran is started again. The old data
root is only read.

Before anything is touched, a rollback is armed on the host. A change that is not
proven good is undone, even if this command, its connection or the host itself
dies in the middle.`

func newEnableCommand(dockerCLI command.Cli) *cobra.Command {
	var opts enableOptions
	cmd := &cobra.Command{
		Use:   "enable [OPTIONS]",
		Short: "Turn on userns-remap, and undo it unless it is proven good",
		Long:  enableLong,
		Example: `  docker userns enable --dry-run
  docker --context prod userns enable --carry
  docker userns enable --yes --accept impact-docker-socket --health-url http://localhost:8080/health`,
		Args: noArguments("enable", opts.validate),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.telling(dockerCLI, func(to *telling) error { return runEnable(cmd.Context(), to, opts) })
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	opts.changeOptions.install(flags)
	opts.proofOptions.install(flags)
	opts.carryOptions.install(flags)
	flags.BoolVarP(&opts.yes, "yes", "y", false, "Do not prompt for confirmation")
	flags.StringSliceVar(&opts.accept, "accept", nil, "Accept that these checks fail, by their IDs")
	flags.StringVar(&opts.user, "user", ranges.DefaultUser, "User whose subordinate IDs are used; created if missing")
	flags.StringVar(&opts.ids, "range", "", "Host IDs to give the user, START[:COUNT] (default: 65536 free ones)")
	flags.StringVar(&opts.driver, "storage-driver", "", "Also write this storage driver into daemon.json")
	_ = cmd.RegisterFlagCompletionFunc("accept", cobra.FixedCompletions(check.IDs(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *enableOptions) validate() error {
	for _, id := range o.accept {
		if !slices.Contains(check.IDs(), id) {
			return fmt.Errorf("--accept %s: no such check; 'docker userns check --list' lists them", id)
		}
		if slices.Contains(check.Vital(), id) {
			return fmt.Errorf("--accept %s: without it, no change can be made or undone", id)
		}
	}
	var err error
	if o.idRange, err = parseRange(o.ids); err != nil {
		return err
	}
	if err := o.changeOptions.validate(); err != nil {
		return err
	}
	if o.noRestart && o.proofOptions.wanted() {
		return errUnproven
	}
	return errors.Join(o.proofOptions.validate(), o.carryOptions.validate(o.noRestart))
}

// parseRange reads START[:COUNT].
func parseRange(s string) (idmap.Range, error) {
	if s == "" {
		return idmap.Range{}, nil
	}
	first, count, given := strings.Cut(s, ":")
	r := idmap.Range{Size: idmap.Default}
	var err error
	if r.Start, err = strconv.ParseInt(first, 10, 64); err == nil && given {
		r.Size, err = strconv.ParseInt(count, 10, 64)
	}
	if err != nil || r.Start == 0 {
		return r, fmt.Errorf("--range %s: write START or START:COUNT, such as 200000:65536", s)
	}
	if err := r.Err(); err != nil {
		return r, fmt.Errorf("--range %s: %w; write START or START:COUNT, such as 200000:65536", s, err)
	}
	return r, nil
}

func runEnable(ctx context.Context, to *telling, opts enableOptions) error {
	t, err := openTarget(ctx, to.cli)
	if err != nil {
		return err
	}
	defer t.Close()
	note := render.NewProgress(to.cli.Err())
	note.Start("looking at " + escape.Line(t.endpoint))
	facts, unknown := opts.asCarried(survey.Take(ctx, t.renewed(), closely))
	results := t.checked(ctx, facts, check.Options{User: opts.user})
	note.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := cmp.Or(vitalFailure(t.on(), results, "daemon-answers"), unknown); err != nil {
		return to.refuse(err)
	}
	plan, err := opts.plan(ctx, t, facts, note)
	if err != nil {
		return to.refuse(err)
	}
	if len(plan.Steps) == 0 {
		to.result.Outcome = render.Unchanged
		fmt.Fprintf(to.out, "userns-remap is on already: the data root is %s. Nothing to do. To prove that it holds: %s\n", escape.Line(plan.Before.DataRoot), t.docker("userns", "verify"))
		return nil
	}
	note.Start("comparing what both data roots have")
	sides, unseen := remap.LookAtSides(ctx, t.host, facts, plan.After.DataRoot, plan.After.Map)
	note.Stop()
	if unseen != nil {
		return to.refuse(unseen)
	}
	if err := t.answerable(ctx, facts, opts.proofOptions); err != nil {
		return to.refuse(err)
	}
	if err := opts.show(to, facts, results, plan, sides); err != nil {
		return err
	}
	if opts.dryRun {
		to.result.Outcome = render.Planned
		return nil
	}
	if err := confirm(ctx, to.cli, opts.yes, "\nIs a maintenance window booked for this host?", "Has the load balancer been told to send nothing here?", "Make the change?"); err != nil {
		return err
	}
	c := &change{target: t, telling: to, plan: plan}
	if err := c.apply(ctx, opts.proofOptions); err != nil {
		return err
	}
	_, err = io.WriteString(to.out, c.text().Enabled(opts.Image))
	return err
}

// plan plans the change, with what it carries over.
func (o enableOptions) plan(ctx context.Context, t *target, f survey.Facts, note *render.Progress) (remap.Plan, error) {
	planned := remap.EnableOptions{
		User: o.user, Range: o.idRange, Driver: o.driver, NoRestart: o.noRestart, Timeout: o.timeout, Now: t.now(ctx),
	}
	plan, err := remap.PlanEnable(f, planned)
	if err != nil || len(plan.Steps) == 0 || !o.carries() {
		return plan, err
	}
	note.Start("auditing the images, and measuring what there is to copy")
	defer note.Stop()
	if planned.Carry, err = o.planCarry(ctx, t, f, plan); err != nil {
		return plan, err
	}
	if planned.Grants, err = o.planGrants(ctx, t, f, plan, planned.Carry); err != nil {
		return plan, err
	}
	return remap.PlanEnable(f, planned)
}

// show prints what was found and the plan, or refuses it for its checks.
func (o enableOptions) show(to *telling, f survey.Facts, results []report.Result, p remap.Plan, sides remap.Sides) error {
	var bad []string
	for _, r := range results {
		if r.Status == report.Error && !slices.Contains(o.accept, r.ID) {
			bad = append(bad, r.ID)
		}
	}
	to.objects.Plan(f, p, sides, results, bad)
	if err := render.Results(to.out, render.Notable(report.New(f, results), o.shownByPlan()...), "", false); err != nil {
		return err
	}
	if len(bad) > 0 {
		return to.refuse(&escape.LinesError{Lines: render.Blocked(bad)})
	}
	_, err := io.WriteString(to.out, render.EnablePlan(f, p, sides, render.StyleOf(to.out)))
	return err
}
