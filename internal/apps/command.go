package apps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
)

// CommandTime is how long a command may take if no time is given.
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

func (c Command) title() string {
	return cmp.Or(c.Name, cmp.Or(c.Container, c.Image)+": "+strings.Join(c.Run, " "))
}

// Check runs the command once. nil is the expected exit code, and output that
// matches.
func (c Command) Check(ctx context.Context, engine *probe.Probe) error {
	within := c.Timeout.or(CommandTime)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	got, err := c.run(ctx, engine)
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

func (c Command) run(ctx context.Context, engine *probe.Probe) (probe.Output, error) {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name])
	}
	if c.Container != "" {
		return probe.Exec(ctx, engine.API, c.Container, container.ExecOptions{User: c.User, WorkingDir: c.Workdir, Env: env, Cmd: c.Run})
	}
	return engine.RunOnce(ctx, &container.Config{
		Image: c.Image, User: c.User, WorkingDir: c.Workdir, Env: env, Entrypoint: strslice.StrSlice(c.Run[:1]), Cmd: strslice.StrSlice(c.Run[1:]),
	}, &container.HostConfig{})
}
