package commands

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/cobra"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

type checkOptions struct {
	only   []string
	list   bool
	strict bool
	user   string
	images bool
	outputOptions
}

const checkLong = `See whether userns-remap will work here, and what it will change

This looks at the engine of the current context and at the machine it runs on:
directly as root, through sudo, or over the context's ssh. It changes nothing.

If userns-remap is on already, it reports whether that is sound, and whether the
engine would start again.`

func newCheckCommand(dockerCLI command.Cli) *cobra.Command {
	var opts checkOptions
	cmd := &cobra.Command{
		Use:   "check [OPTIONS]",
		Short: "See whether userns-remap will work here, and what it will change",
		Long:  checkLong,
		Example: `  docker userns check
  docker --context prod userns check --verbose
  docker userns check --format json --strict
  docker userns check --contexts 'prod-*,db1'`,
		Args: noArguments("check", opts.validate),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(opts.contexts) > 0 {
				return opts.lookAtMany(cmd, dockerCLI, args)
			}
			return runCheck(cmd.Context(), dockerCLI, opts)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.only, "only", nil, "Run these checks only, by their IDs")
	flags.BoolVar(&opts.list, "list", false, "List the checks without running them")
	flags.BoolVar(&opts.strict, "strict", false, "Treat warnings and unknown results as errors")
	flags.BoolVar(&opts.images, "all-images", false, "Check every image, even if that takes long or has to stream it from the engine")
	flags.StringVar(&opts.user, "user", "", `User whose subordinate IDs are checked (default: the engine's, otherwise "dockremap")`)
	opts.install(flags, "Also show what passed", checkFormatHelp)
	cmd.MarkFlagsMutuallyExclusive("contexts", "list")
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(check.IDs(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatter.TableFormatKey, formatter.JSONFormatKey, render.FormatPrometheus}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

const checkFormatHelp = `Format output:
'table':            Print what is wrong by category, and what to do (default)
'json':             Print one JSON object
'prometheus':       Print metrics, as node_exporter's textfile collector reads them
'TEMPLATE':         Print each check with a Go template`

func (o *checkOptions) validate() error {
	for _, id := range o.only {
		if !slices.Contains(check.IDs(), id) {
			return fmt.Errorf("--only %s: no such check; 'docker userns check --list' lists them", id)
		}
	}
	return nil
}

func runCheck(ctx context.Context, dockerCLI command.Cli, opts checkOptions) error {
	if opts.list {
		return listChecks(dockerCLI.Out())
	}
	t, err := openTarget(ctx, dockerCLI)
	if err != nil {
		return err
	}
	defer t.Close()
	note := render.NewProgress(dockerCLI.Err())
	note.Start("looking at " + escape.Line(t.endpoint))
	facts := survey.Take(ctx, t.renewed(), closely)
	o := check.Options{Only: opts.only, User: opts.user}
	if len(opts.only) == 0 || slices.Contains(opts.only, check.ImpactImages) || facts.Nameless() {
		t.auditRecords(ctx, &facts, &o, opts.images)
	}
	results := check.Run(facts, o)
	note.Stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	found := report.New(facts, results)
	if err := opts.print(dockerCLI.Out(), "check", found, nil); err != nil {
		return err
	}
	if facts.Engine.Err != nil && facts.Kernel.Err != nil {
		return errReported // neither the engine nor its host could be looked at
	}
	return verdict(found, opts.strict)
}

// askOnTerminal lets sudo ask for a password if somebody is at the terminal to give it.
func askOnTerminal(dockerCLI command.Cli) host.Ask {
	if dockerCLI.In().IsTerminal() && dockerCLI.Err().IsTerminal() {
		return host.AskOnTerminal
	}
	return nil
}

func listChecks(w io.Writer) error {
	return render.List(w, "CHECK", func(line func(id, category, title string)) {
		for _, c := range check.All() {
			line(c.ID, c.Category, c.Title)
		}
	})
}
