package commands

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/cobra"
)

type auditOptions struct {
	images     []string    // as the user called them
	imagesFrom string      // a file of more
	refs       []image.Ref // both, read
	all        bool
	platform   string
	idMap      []string
	size       int64
	noTrunc    bool
	id         string
	explain    string
	format     string
	dockerfile string
	base       string
	noCache    bool
	version    string // of the program

	engineVersion string

	quiet      bool
	failOn     string
	ignoreFile string

	installHook, removeHook bool
	rewrite                 rewriteOptions
}

// auditLong is the help, with the places that an image can be in.
func auditLong() string {
	rows := []struct{ image, what string }{{"NAME", "an image of the engine, as 'docker image ls' has it"}}
	for _, p := range image.Places {
		rows = append(rows, struct{ image, what string }{string(p.Place) + p.Rest, p.What})
	}
	rows = append(rows, struct{ image, what string }{"PATH", "a file or a folder of one of these kinds"},
		struct{ image, what string }{string(image.OnStdin), "such an archive on standard input"})
	var b strings.Builder
	b.WriteString(auditIntroLong)
	for _, r := range rows {
		fmt.Fprintf(&b, "\n  %-27s %s", r.image, r.what)
	}
	return b.String()
}

const auditIntroLong = `Find the files of an image that a remapped engine refuses

An engine with userns-remap registers an image only if every file of every layer
has a UID and a GID in the engine's ID map, whatever later layers do to the file.
This names the file, the layer, the instruction that made it, and what to write
instead.

IMAGE is one of:`

const auditExample = `  docker userns audit-image app:1
  docker userns audit-image --all
  docker --context prod userns audit-image --format json app:1
  docker save app:1 | docker userns audit-image -
  docker userns audit-image docker://registry.example/app:1
  docker userns audit-image --explain 'container ID 1516583083 cannot be mapped to a host ID' app:1
  docker userns audit-image --format sarif --dockerfile Dockerfile app:1 > audit.sarif
  docker userns audit-image --format patch --dockerfile Dockerfile app:1 | git apply
  docker userns audit-image --rewrite docker-daemon:app:1-remap app:1`

func newAuditImageCommand(dockerCLI command.Cli, version string) *cobra.Command {
	opts := auditOptions{version: version}
	cmd := &cobra.Command{
		Use:     "audit-image [OPTIONS] IMAGE [IMAGE...]",
		Short:   "Find the files of an image that a remapped engine refuses",
		Long:    auditLong(),
		Example: auditExample,
		Args: func(cmd *cobra.Command, args []string) error {
			opts.images = args
			if opts.installHook || opts.removeHook {
				return aloneFlag(cmd.Flags(), args)
			}
			return cmp.Or(valuesGiven(cmd.Flags()), opts.validate())
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.installHook || opts.removeHook {
				return runHook(cmd.Context(), dockerCLI, opts.installHook)
			}
			var err error
			if opts.refs, err = opts.parseImages(dockerCLI.In()); err != nil {
				return err
			}
			if opts.rewrite.to != "" {
				return runRewrite(cmd.Context(), dockerCLI, opts)
			}
			return runAudit(cmd.Context(), dockerCLI, opts)
		},
		ValidArgsFunction: completeImages(dockerCLI),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.all, "all", "a", false, "Audit every image of the engine")
	flags.StringVar(&opts.platform, "platform", "", `Platform of an image that has several, or "all"`)
	flags.StringArrayVar(&opts.idMap, "id-map", nil, `ID map of the engine, e.g. "0:100000:65536"; several with commas, "uid=…" and "gid=…" if they differ`)
	flags.Int64Var(&opts.size, "size", 0, "Size of the engine's ID map, from ID 0 on")
	flags.StringVar(&opts.engineVersion, "engine-version", "", `Version of the engine that IMAGE is for, e.g. "20.10", if it is not the context's engine; what else an engine refuses depends on it`)
	flags.BoolVar(&opts.noTrunc, "no-trunc", false, "List every path, not the first 10 of each finding")
	flags.BoolVar(&opts.noCache, "no-cache", false, "Read every layer, and keep nothing of it for the next audit")
	flags.StringVar(&opts.id, "id", "", "Look for the files of one UID or GID")
	flags.StringVar(&opts.explain, "explain", "", "Look for what an error message is about: an ID, a path; - reads a log from standard input")
	flags.StringVar(&opts.format, "format", "", auditFormatHelp)
	flags.StringVar(&opts.dockerfile, "dockerfile", "", "The Dockerfile of the image, for cures and their lines, if the image has no provenance that holds it")
	flags.StringVar(&opts.base, "base", "", "The image that IMAGE is built on, to tell its layers from those of IMAGE; only its configuration is read")
	flags.StringVar(&opts.imagesFrom, "images-from", "", "Audit the images that a file lists, one in a line; - reads standard input")
	flags.StringVar(&opts.ignoreFile, "ignore-file", "", "A YAML list of findings to ignore, each with its rule, path and reason")
	flags.StringVar(&opts.failOn, "fail-on", string(audit.Error), `Exit with 1 on an "error", on a "warning" too, or "never"`)
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "Print only the names of images that the engine refuses, or that cannot start")
	flags.BoolVar(&opts.installHook, "install-hook", false, "Have docker print a hint after a pull, run, create, load or import that an ID made fail")
	flags.BoolVar(&opts.removeHook, "remove-hook", false, "Remove the hint from the configuration of docker")
	flags.StringVar(&opts.rewrite.to, "rewrite", "", "Write a new image that the engine accepts to a destination, written like IMAGE")
	flags.StringArrayVar(&opts.rewrite.given, "map", nil, `With --rewrite, the new number of an ID, e.g. "70000=10001"; "gid:70000=10001" for one kind`)
	flags.BoolVar(&opts.rewrite.dryRun, "dry-run", false, "With --rewrite, show what would change, and write nothing")
	markExclusive(cmd)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatter.TableFormatKey, formatter.JSONFormatKey, render.FormatSARIF, render.FormatGitHub, render.FormatPatch}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("platform", cobra.FixedCompletions(platformsOffered, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(failOns, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"id-map", "size", "engine-version", "id", "explain"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	return cmd
}

// markExclusive has cobra refuse the flags of which one alone makes sense.
func markExclusive(cmd *cobra.Command) {
	for _, pair := range [][2]string{
		{"install-hook", "remove-hook"}, {"id-map", "size"}, {"id", "explain"}, {"quiet", "format"}, {"ignore-file", "id"}, {"ignore-file", "explain"},
		{"rewrite", "id"}, {"rewrite", "explain"}, {"rewrite", "dockerfile"}, {"rewrite", "no-trunc"}, {"rewrite", "quiet"}, {"rewrite", "ignore-file"}, {"rewrite", "base"}, {"rewrite", "no-cache"}, {"rewrite", "engine-version"},
	} {
		cmd.MarkFlagsMutuallyExclusive(pair[:]...)
	}
}

// failNever keeps the exit code 0 whatever is found.
const failNever = "never"

// failOns are the values of --fail-on.
var failOns = []string{string(audit.Error), string(audit.Warning), failNever}

// platformsOffered are those of Docker's official images.
var platformsOffered = []string{"all", "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x"}

const auditFormatHelp = `Format output:
'table':            Print a table and what to do (default)
'table TEMPLATE':   Print a table with a Go template
'json':             Print one JSON object a line for each image
'sarif':            Print SARIF, as GitHub's code scanning takes it
'github':           Print annotations, as GitHub's workflows show them
'patch':            Print what to change in the Dockerfile, as a diff for 'git apply'
'TEMPLATE':         Print with a Go template`
