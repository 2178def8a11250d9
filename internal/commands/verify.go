package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
	"github.com/docker/docker/api/types/container"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// formatMarkdown is a report for a change ticket.
const formatMarkdown = "markdown"

type verifyOptions struct {
	verify.Options
	outputOptions
	profile, healthURL, healthExpr string
	baseline                       string
	starts                         int
	p95, watch                     time.Duration
	list, strict, accept           bool
}

const verifyLong = `Prove that userns-remap holds, and that what runs here still works

This compares every process of every container, or of those named, with the ID
map that the kernel uses and that /etc/subuid and /etc/subgid give, and checks
what containers may do with their mounts. It changes nothing.

After 'docker userns enable' it also names the containers, volumes, networks and
images from before that are missing, until you accept that with --accept-missing.

To keep watch of a host, enable docker-userns-verify.timer, which the packages
contain. Every 15 minutes it writes metrics, as with --format prometheus --output.

--probe, --connect and --starts start temporary containers, without a network
and with the label io.docker-userns.probe, and remove them.

--profile FILE lists what else must work, and runs the commands that it names in
containers. The file is YAML, such as:
` + profileExample

// profileExample is indented as help shows it.
const profileExample = `
  version: 1
  health:
    - url: http://localhost:8080/health
      expr: .docker == "healthy"
  commands:
    - container: web
      run: [git, --version]
      stdout: ^git version
  sockets:
    - address: unix:///var/run/proxy/proxy.sock
  starts: {count: 20, p95: 30s}`

const verifyFormatHelp = `Format output:
'table':            Print what is wrong by category (default)
'json':             Print one JSON object
'markdown':         Print a report for a change ticket
'prometheus':       Print metrics, as node_exporter's textfile collector reads them
'TEMPLATE':         Print each question with a Go template`

func newVerifyCommand(dockerCLI command.Cli) *cobra.Command {
	var opts verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [OPTIONS] [CONTAINER...]",
		Short: "Prove that userns-remap holds, and that what runs here still works",
		Long:  verifyLong,
		Example: `  docker userns verify
  docker --context prod userns verify --probe --connect --format markdown
  docker userns verify --health-url http://localhost:8080/health --health-expr '.docker == "healthy"'
  docker userns verify --profile shop.yaml --watch 30s web worker`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(opts.contexts) > 0 {
				return opts.lookAtMany(cmd, dockerCLI, args)
			}
			opts.Containers = args
			return runVerify(cmd.Context(), dockerCLI, opts)
		},
		ValidArgsFunction: completeContainers(dockerCLI),
	}
	opts.install(cmd.Flags())
	for _, alone := range []string{"list", "watch", "accept-missing", "baseline"} {
		cmd.MarkFlagsMutuallyExclusive("contexts", alone)
	}
	formats := []string{formatter.TableFormatKey, formatter.JSONFormatKey, formatMarkdown, render.FormatPrometheus}
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("profile", "yaml", "yml")
	_ = cmd.MarkFlagFilename("baseline", "json")
	_ = cmd.RegisterFlagCompletionFunc("image", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return imageNames(cmd, dockerCLI), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (o *verifyOptions) install(flags *pflag.FlagSet) {
	flags.BoolVar(&o.Probe, "probe", false, "Start a container, and check its IDs on the host and the owners of the files it writes")
	flags.StringVar(&o.Image, "image", "", "Image with a shell for the containers of --probe and --starts (default: made of this program)")
	flags.BoolVar(&o.Connect, "connect", false, "Try the sockets that containers mount, each in a container like the one that mounts it")
	flags.StringVar(&o.profile, "profile", "", "YAML file that lists what else must work")
	flags.StringVar(&o.healthURL, "health-url", "", "URL that must answer 2xx")
	flags.StringVar(&o.healthExpr, "health-expr", "", "jq expression that must be true of the JSON that --health-url answers")
	flags.IntVar(&o.starts, "starts", 0, "Start this many containers, one after the other, and measure how long that takes")
	flags.DurationVar(&o.p95, "start-p95", 0, "Limit for the 95th percentile of the starts")
	flags.StringVar(&o.baseline, "baseline", "", "JSON file to compare the starts with; created if missing")
	flags.DurationVar(&o.watch, "watch", 0, "Repeat at this interval and print changes")
	flags.BoolVar(&o.list, "list", false, "List what can be proven, without looking")
	flags.BoolVar(&o.strict, "strict", false, "Treat warnings and unknown results as errors")
	flags.BoolVar(&o.accept, "accept-missing", false, "Accept what is missing since remap was turned on, and do not warn about it again")
	o.outputOptions.install(flags, "Also show what was proven", verifyFormatHelp)
}

// complete reads the profile and adds to it what the flags ask for.
func (o *verifyOptions) complete() (err error) {
	switch {
	case o.healthExpr != "" && o.healthURL == "":
		return errors.New("--health-expr needs --health-url")
	case (o.p95 != 0 || o.baseline != "") && o.starts == 0:
		return errors.New("--start-p95 and --baseline need --starts")
	case o.starts < 0 || o.starts > apps.MaxStarts:
		return fmt.Errorf("--starts %d: not 1 to %d", o.starts, apps.MaxStarts)
	case o.watch < 0 || o.p95 < 0:
		return errors.New("--watch and --start-p95 cannot be negative")
	case o.watch > 0 && o.format == formatMarkdown && o.file == "":
		return errors.New("--format markdown and --watch are mutually exclusive, unless --output names a file")
	case o.watch > 0 && o.format == render.FormatPrometheus && o.file == "":
		return errors.New("--format prometheus with --watch needs --output FILE, which is written anew each time")
	}
	if o.profile != "" {
		if o.Profile, err = apps.ReadProfile(o.profile); err != nil {
			return err
		}
	}
	if o.healthURL != "" {
		h, err := apps.NewHealth(o.healthURL, o.healthExpr)
		if err != nil {
			return err
		}
		o.Profile.Health = append(o.Profile.Health, h)
	}
	if o.starts > 0 {
		o.Profile.Starts = apps.Starts{Count: o.starts, P95: apps.Duration(o.p95), Baseline: o.baseline}
	}
	return nil
}

func runVerify(ctx context.Context, dockerCLI command.Cli, opts verifyOptions) error {
	if opts.list {
		return listQuestions(dockerCLI.Out())
	}
	if err := opts.complete(); err != nil {
		return err
	}
	t, err := openTarget(ctx, dockerCLI)
	if err != nil {
		return err
	}
	defer t.Close()
	if opts.accept {
		if err := t.acceptMissing(ctx, dockerCLI.Err()); err != nil {
			return err
		}
	}
	look := func(ctx context.Context) (report.Report, error) {
		note := render.NewProgress(dockerCLI.Err())
		note.Start("looking at " + escape.Line(t.endpoint))
		defer note.Stop()
		opts.Before = t.recorded(ctx)
		return verify.Run(ctx, t.renewed(), opts.Options)
	}
	if opts.watch > 0 {
		return (&watch{look: look, opts: opts, out: dockerCLI.Out(), err: dockerCLI.Err(), pause: opts.watch}).run(ctx)
	}
	found, err := look(ctx)
	if err != nil {
		return err
	}
	if err := opts.write(dockerCLI.Out(), found); err != nil {
		return err
	}
	return opts.verdict(found)
}

// write prints what was found.
func (o verifyOptions) write(out *streams.Out, r report.Report) error {
	var markdown func(*streams.Out) error
	if o.format == formatMarkdown {
		markdown = func(to *streams.Out) error {
			_, err := io.WriteString(to, render.Markdown(r, verify.All(), time.Now()))
			return err
		}
	}
	return o.print(out, "verify", r, markdown)
}

// verdict is the exit code. If the daemon does not answer, nothing was found out.
func (o verifyOptions) verdict(r report.Report) error {
	if r.Status(verify.DaemonAnswers) == report.Error {
		return errReported
	}
	return verdict(r, o.strict)
}

func listQuestions(w io.Writer) error {
	return render.List(w, "QUESTION", func(line func(id, category, title string)) {
		for _, q := range verify.All() {
			line(q.ID, q.Category, q.Title)
		}
	})
}

// completeContainers offers the names of the containers that run.
func completeContainers(dockerCLI command.Cli) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if _, err := endpoint(dockerCLI); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list, err := dockerCLI.Client().ContainerList(cmd.Context(), container.ListOptions{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, c := range list {
			for _, name := range c.Names {
				if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // else it is a link of another container
					names = append(names, name)
				}
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
