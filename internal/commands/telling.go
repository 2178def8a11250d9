package commands

import (
	"cmp"
	"errors"
	"io"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"

	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
)

const changeFormatHelp = `Format output:
'table':            Print the plan and the outcome as text (default)
'json':             Print JSON objects, one a line: the plan, each step, the result`

// telling is how a change is told: as text on standard output, or as JSON objects there.
// Progress and reasons go to standard error as text, whatever the format is.
type telling struct {
	cli     command.Cli
	out     *streams.Out    // for text, which is thrown away if objects are printed
	objects *render.Objects // nil if text is printed
	undoing error           // why the change is being undone
	result  render.ResultObject
}

// telling calls run with how the change is told, and then says how it ended.
func (o changeOptions) telling(dockerCLI command.Cli, run func(*telling) error) error {
	t := &telling{cli: dockerCLI, out: dockerCLI.Out()}
	if o.format == formatter.JSONFormatKey {
		t.out, t.objects = streams.NewOut(io.Discard), render.NewObjects(dockerCLI.Out())
	}
	err := run(t)
	t.result.ExitCode = exitCode(err)
	if t.result.Outcome == "" { // what fails before the first step leaves the host as it is
		t.result.Outcome = render.Outcome(remap.Refused)
	}
	if err != nil && t.result.Why == "" {
		t.result.Why = err.Error()
	}
	t.objects.Result(t.result)
	return cmp.Or(err, t.objects.Err())
}

// ended is how a change ended.
func (c *change) ended(outcome remap.Outcome, why error) {
	r := &c.result
	r.Outcome = render.Outcome(outcome)
	if outcome != remap.Refused {
		r.Change, r.Folder = c.plan.ID, c.plan.Dir()
	}
	if why = errors.Join(c.undoing, why); why != nil {
		r.Why = why.Error()
	}
	switch outcome {
	case remap.Made, remap.Partly:
		r.Restart = c.plan.Restart
	case remap.Uncertain:
		r.Recovery = c.text().RecoveryCommands()
	}
}
