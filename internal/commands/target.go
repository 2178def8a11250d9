package commands

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// target is the engine of the current context with the machine it runs on.
type target struct {
	*engine     // its host is open
	contextName string
}

// openTarget opens both. Nothing is asked of either yet, save for a password
// if sudo wants one and somebody is at the terminal.
func openTarget(ctx context.Context, dockerCLI command.Cli) (*target, error) {
	e, err := openEngine(dockerCLI)
	if err != nil {
		return nil, err
	}
	if _, err := e.machine(ctx, askOnTerminal(dockerCLI)); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &target{engine: e, contextName: dockerCLI.CurrentContext()}, nil
}

// renewed is what to look at, for one more round of questions: there is a limit to what
// the answers of each may take.
func (t *target) renewed() verify.Target {
	t.bounds.renew()
	return verify.Target{Context: t.contextName, Docker: t.words, Endpoint: t.endpoint, API: t.engine, Host: t.host}
}

// closely looks into what containers mount too: what can be done about a right that
// they lack depends on it.
var closely = survey.Options{Inside: access.ToLookInto}

// on names the machine that commands for the engine's host are to be typed on.
func (t *target) on() string {
	return escape.Line(report.On(t.endpoint, t.host.Kind()))
}

// now is the time by the clock of the engine's host: changes are named by it, and
// the newest one counts. If that clock cannot be read, it is ours.
func (t *target) now(ctx context.Context) time.Time {
	r, err := t.host.Run(ctx, host.Command{Args: []string{"date", "+%s"}})
	if seconds, bad := strconv.ParseInt(strings.TrimSpace(string(r.Stdout)), 10, 64); err == nil && bad == nil {
		return time.Unix(seconds, 0)
	}
	return time.Now()
}

// Close lets go of both.
func (t *target) Close() { _ = t.engine.Close() }
