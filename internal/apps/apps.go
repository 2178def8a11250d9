package apps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
)

// CommandTime is how long a command may take where no time is given.
const CommandTime = time.Minute

// Command is a command that has to work in a container that runs, or in a new
// one of an image, which is removed again.
type Command struct {
	Name      string            `yaml:"name"`
	Container string            `yaml:"container"` // this
	Image     string            `yaml:"image"`     // or this; its entrypoint is not run
	User      string            `yaml:"user"`      // as docker run --user has it; the container's or image's where ""
	Workdir   string            `yaml:"workdir"`
	Env       map[string]string `yaml:"env"`
	Run       Args              `yaml:"run"`
	Exit      int               `yaml:"exit"`   // code that is expected
	Stdout    Pattern           `yaml:"stdout"` // that its output has to match
	Timeout   Duration          `yaml:"timeout"`
}

// Target is where the applications are.
type Target struct {
	API   probe.API
	Host  host.Host    // the daemon's own; host.None where out of reach
	Probe *probe.Probe // starts containers
}

const category = "applications"

// The questions to the applications.
var (
	appHealth   = report.Question{ID: "app-health", Category: category, Title: "Applications report that they are healthy", Flag: "--health-url or --profile"}
	appCommands = report.Question{ID: "app-commands", Category: category, Title: "Commands work in containers", Flag: "--profile"}
	appSockets  = report.Question{ID: "app-sockets", Category: category, Title: "Sockets accept connections", Flag: "--profile"}
	appStarts   = report.Question{ID: "app-starts", Category: category, Title: "Containers start fast enough", Flag: "--starts or --profile"}
)

// Questions gives those that [Profile.Check] answers, in their order.
func Questions() []report.Question {
	return []report.Question{appHealth, appCommands, appSockets, appStarts}
}

// Check asks the applications all that the profile asks, one after the other, and
// gives a result for each kind of question that it holds: app-health,
// app-commands, app-sockets and app-starts.
func (p Profile) Check(ctx context.Context, t Target) (results []report.Result) {
	if len(p.Health) > 0 {
		results = append(results, appHealth.Answer(each(ctx, "health check", p.Health,
			func(c Health) (string, error) { return called(c.Name, c.URL.String()), c.Check(ctx, t.Host) })))
	}
	if len(p.Commands) > 0 {
		results = append(results, appCommands.Answer(each(ctx, "command", p.Commands,
			func(c Command) (string, error) { return c.title(), c.Check(ctx, t) })))
	}
	if len(p.Sockets) > 0 {
		results = append(results, appSockets.Answer(each(ctx, "socket", p.Sockets,
			func(s Socket) (string, error) { return called(s.Name, s.Address.String()), s.check(ctx, t) })))
	}
	if p.Starts.Count > 0 && ctx.Err() == nil {
		results = append(results, appStarts.Answer(p.Starts.check(ctx, t.Probe)))
	}
	return results
}

// each asks all questions of one kind and makes one result of the answers, with
// a detail for each. Once ctx has ended, no more are asked.
func each[T any](ctx context.Context, kind string, questions []T, ask func(T) (name string, err error)) report.Result {
	var details []report.Detail
	var bad, unrun []string
	for _, q := range questions {
		if ctx.Err() != nil {
			break
		}
		name, err := ask(q)
		d := report.Detail{Name: name, Note: "ok"}
		if err != nil {
			d.Note = err.Error()
		}
		switch {
		case errors.Is(err, probe.ErrImage):
			unrun = append(unrun, said(name, d.Note))
		case err != nil:
			bad = append(bad, said(name, d.Note))
		}
		details = append(details, d)
	}
	switch {
	case len(bad) > 0:
		return report.Fail("%d of %s failed: %s", len(bad), report.Count(len(questions), kind), strings.Join(bad, "; ")).With(details...)
	case len(unrun) > 0:
		return report.Unsure("could not run %d of %s: %s", len(unrun), report.Count(len(questions), kind), strings.Join(unrun, "; ")).With(details...)
	case len(details) < len(questions):
		return report.Unsure("did not run %d of %s: %v", len(questions)-len(details), report.Count(len(questions), kind), ctx.Err()).With(details...)
	}
	return report.Pass("all of %s", report.Count(len(questions), kind)).With(details...)
}

// said puts a name before a note that does not have it.
func said(name, note string) string {
	if strings.Contains(note, name) {
		return note
	}
	return name + ": " + note
}

func called(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

func (c Command) title() string {
	return called(c.Name, called(c.Container, c.Image)+": "+strings.Join(c.Run, " "))
}

// Check runs the command once. nil is the expected exit code, and output that
// matches.
func (c Command) Check(ctx context.Context, t Target) error {
	within := c.Timeout.or(CommandTime)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	got, err := c.run(ctx, t)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("did not end within %s", within)
	case err != nil:
		return err
	case got.Code != c.Exit:
		return fmt.Errorf("exit code %d instead of %d: %s", got.Code, c.Exit, report.Beginning(append(got.Stderr, got.Stdout...)))
	case !c.Stdout.Match(got.Stdout):
		return fmt.Errorf("its output does not match %s: %s", c.Stdout, report.Beginning(got.Stdout))
	}
	return nil
}

func (c Command) run(ctx context.Context, t Target) (probe.Output, error) {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name])
	}
	if c.Container != "" {
		return probe.Exec(ctx, t.API, c.Container, container.ExecOptions{User: c.User, WorkingDir: c.Workdir, Env: env, Cmd: c.Run})
	}
	return probe.RunOnce(ctx, t.Probe, &container.Config{
		Image: c.Image, User: c.User, WorkingDir: c.Workdir, Env: env, Entrypoint: strslice.StrSlice(c.Run[:1]), Cmd: strslice.StrSlice(c.Run[1:]),
	}, &container.HostConfig{})
}
