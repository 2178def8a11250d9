package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
)

// atOnce is how many hosts are looked at together.
const atOnce = 16

// lookAtMany looks at the engines of many contexts, each with a process of its own, as if
// it were the only one. The exit code is the worst of them.
func (o outputOptions) lookAtMany(cmd *cobra.Command, dockerCLI command.Cli, args []string) error {
	names, err := o.chosen(dockerCLI.ContextStore())
	if err != nil {
		return err
	}
	m := many{words: wordsFor(cmd, args), env: environment(), timeout: o.timeout}
	if m.program, err = os.Executable(); err != nil {
		return fmt.Errorf("--contexts: starting this program for each context: %w", err)
	}
	note := render.NewProgress(dockerCLI.Err())
	note.Start("looking at " + report.Count(len(names), "host"))
	found := m.look(cmd.Context(), names)
	note.Stop()
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	if err := o.writeTo(dockerCLI.Out(), render.Hosts(found, o.verbose, o.format)); err != nil {
		return err
	}
	return worst(found)
}

// chosen are the contexts that are wanted, each once, in the order in which they were named.
func (o outputOptions) chosen(s store.Lister) ([]string, error) {
	if o.format != "" && o.format != formatter.TableFormatKey && o.format != formatter.JSONFormatKey {
		return nil, fmt.Errorf("--contexts with --format %s: it must be table or json", o.format)
	}
	if o.timeout <= 0 {
		return nil, fmt.Errorf("--timeout %s: it must be more than nothing", o.timeout)
	}
	flags, given := dockerFlags()
	_ = flags.Parse(os.Args[1:]) // docker has taken them already
	if given.Context != "" || len(given.Hosts) > 0 {
		return nil, errors.New("--contexts names the contexts to look at: omit --context and --host")
	}
	all, err := s.List()
	if err != nil {
		return nil, fmt.Errorf("--contexts: listing the contexts: %w", err)
	}
	var existing []string
	for _, c := range all {
		existing = append(existing, c.Name)
	}
	slices.Sort(existing)
	return matching(existing, o.contexts)
}

// matching are the names that match patterns, in the order of the patterns.
func matching(existing, patterns []string) (names []string, _ error) {
	for _, pattern := range patterns {
		matched := false
		for _, name := range existing {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return nil, fmt.Errorf("--contexts %s: %w; write a name, or a pattern such as 'prod-*'", pattern, err)
			}
			if matched = matched || ok; ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if !matched {
			return nil, fmt.Errorf("--contexts %s: no such context; there are %s", pattern, strings.Join(existing, ", "))
		}
	}
	return names, nil
}

// wordsFor are the words of a command for one context, behind docker's own flags: what it
// was called with, but for how and where to print.
func wordsFor(cmd *cobra.Command, args []string) []string {
	words := []string{"userns", cmd.Name(), "--format", formatter.JSONFormatKey}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed || slices.Contains([]string{"contexts", "timeout", "format", "output", "verbose"}, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+v)
		}
	})
	return slices.Concat(words, []string{"--"}, args)
}

// environment is what processes for single contexts get: the same configuration, and nobody
// to ask for a password.
func environment() []string {
	without := []string{client.EnvOverrideHost, command.EnvOverrideContext, "DOCKER_CLI_PLUGIN_SOCKET", "SSH_ASKPASS_REQUIRE", config.EnvOverrideConfigDir}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(without, name)
	})
	return append(env, "SSH_ASKPASS_REQUIRE=never", config.EnvOverrideConfigDir+"="+config.Dir())
}

// many looks at contexts with a program, its words and its environment.
type many struct {
	program    string
	words, env []string
	timeout    time.Duration // for one context
}

// look gives what was found with each of the contexts.
func (m many) look(ctx context.Context, names []string) []report.Report {
	found := make([]report.Report, len(names))
	var bytes atomic.Int64 // of all answers
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, name := range names {
		group.Go(func() error {
			found[i] = m.one(ctx, name, &bytes)
			return nil
		})
	}
	_ = group.Wait() // none fails
	return found
}

// worst is the error with the worst of the exit codes.
func worst(found []report.Report) error {
	code := 0
	for _, r := range found {
		code = max(code, *r.ExitCode)
	}
	switch code {
	case 0:
		return nil
	case codeFound:
		return errFound
	}
	return errReported
}

// unlooked is what there is to say of a context whose host could not be looked at.
func unlooked(name, why string) report.Report {
	return report.Report{
		SchemaVersion: 1, Context: name, Results: []report.Result{}, Summary: map[report.Status]int{},
		ExitCode: new(codeFailed), Error: escape.Head(strings.TrimSpace(why), maxWhy),
	}
}

const maxWhy = 500
