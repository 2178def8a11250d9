// Package commands is what a user types: the verbs with their flags, prompts and
// exit codes. It is the only package that knows cobra and the Docker CLI.
package commands

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	runtimedebug "runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/hook"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/debug"
	"github.com/docker/docker/api"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel"
)

// name of the plugin: "docker userns".
const name = "userns"

// Build is what a program was built from.
type Build struct {
	Version string
	Commit  string // "" if it is unknown
}

// String is what --version prints of it, with the engine API versions that it speaks.
func (b Build) String() string {
	s := b.Version
	if b.Commit != "" {
		s += ", commit " + b.Commit
	}
	return fmt.Sprintf("%s, engine API %s to %s", s, dockerd.OldestAPI, api.DefaultVersion)
}

// Main runs the program with the arguments of the process, as a plugin of the
// Docker CLI or on its own, and returns its exit code.
func Main(build Build) int {
	if len(os.Args) == 4 && os.Args[2] == metadata.HookSubcommandName { // the Docker CLI waits for it
		fmt.Println(hook.Answer(os.Args[3], sameEngine))
		return 0
	}
	// Facts of a million files fit into 64 MiB if the heap may not double first.
	runtimedebug.SetGCPercent(50)
	otel.SetErrorHandler(debug.OTELErrorHandler)
	if plugin.RunningStandalone() {
		os.Args = asPlugin(os.Args)
	}
	dockerCLI, err := command.NewDockerCli(command.WithUserAgent("docker-userns/" + build.Version))
	if err != nil {
		fmt.Fprintln(os.Stderr, escape.Error(err))
		return codeFailed
	}
	err = plugin.RunPlugin(dockerCLI, newRootCommand(dockerCLI, build), metadata.Metadata{
		SchemaVersion:    "0.1.0",
		Vendor:           "The docker-userns authors",
		Version:          build.Version,
		ShortDescription: "Turn on, prove and turn off userns-remap, and audit images for it",
		URL:              "https://github.com/docker-userns/docker-userns",
	})
	return exit(dockerCLI.Err(), err)
}

// asPlugin gives the arguments of a program that was started directly the form
// that docker gives them: the plugin's name stands between docker's own flags,
// such as --context, and the verb.
func asPlugin(args []string) []string {
	flags, _ := dockerFlags()
	at := 1
	if err := flags.Parse(args[1:]); err == nil && !ofPlugin(args[1:]) {
		at = len(args) - flags.NArg()
	}
	if at < len(args) && strings.HasPrefix(args[at], cobra.ShellCompRequestCmd) {
		at++
	}
	if at < len(args) && args[at] == name {
		return args
	}
	return slices.Insert(args, at, name)
}

// ofPlugin says that the arguments ask for the version: docker's flags have none.
func ofPlugin(args []string) bool {
	return len(args) > 0 && (args[0] == "--version" || args[0] == "-v")
}

func newRootCommand(dockerCLI command.Cli, build Build) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: "Manage the engine's user namespace remapping",
		Long: "Manage the engine's user namespace remapping (userns-remap), which runs the\n" +
			"root of a container as an ordinary user of the host.",
		Version:           build.String(),
		Args:              noVerb,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: prepare,
	}
	cmd.SetVersionTemplate("docker userns version {{.Version}}\n")
	cmd.Flags().BoolP("version", "v", false, "Print the version of the plugin")
	cmd.AddCommand(newAuditImageCommand(dockerCLI, build.Version), newCheckCommand(dockerCLI),
		newEnableCommand(dockerCLI), newDisableCommand(dockerCLI), newVerifyCommand(dockerCLI))
	return cmd
}

// Tree returns the plugin's commands below "docker", for what documents them. None of
// them can be run.
func Tree() *cobra.Command {
	root := &cobra.Command{Use: "docker"}
	root.AddCommand(newRootCommand(nil, Build{}))
	return root
}

// noVerb refuses a verb that does not exist the way docker does.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage("docker: unknown command: docker userns "+args[0], "", "Run 'docker userns --help' for more information")
}

// usage is an error of several lines.
func usage(lines ...string) error { return &escape.LinesError{Lines: lines} }

// noArguments refuses arguments the way docker does, and checks the flags.
func noArguments(verb string, validate func() error) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("docker: 'docker userns "+verb+"' accepts no arguments", "", "Usage:  "+cmd.UseLine(), "", "Run 'docker userns "+verb+" --help' for more information")
		}
		return validate()
	}
}

// prepare makes the command's context end with the first Ctrl-C, or when the
// Docker CLI says so; a second Ctrl-C ends the process. The CLI gets the first one too
// and may be quicker to say so, which must not turn it into the second.
func prepare(cmd *cobra.Command, args []string) error {
	if err := plugin.PersistentPreRunE(cmd, args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		signal.Stop(signals)
	}()
	cmd.SetContext(ctx)
	return nil
}
