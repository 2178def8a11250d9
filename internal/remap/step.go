package remap

import (
	"context"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// Step is one thing that a plan does, as acts that are done one after the other. It
// describes itself: whoever shows it or carries it out needs to know nothing else.
type Step struct {
	Name  string   // one word, for errors and tests
	Title string   // what it does
	Busy  string   // what it is doing, while nothing more is known
	Shown []string // commands that a user would type for it
	Diff  string   // of the files that it edits
	Acts  []Act
	Fails Failure
}

// Failure is what is done about a change when one of its steps fails or is
// interrupted.
type Failure int

const (
	// Undo has the host undo the change.
	Undo Failure = iota
	// Refuse ends the change, since nothing was touched yet. If the step may have
	// armed the rollback, the host undoes it all the same.
	Refuse
	// Keep leaves the change as it is: the step was to clean up after it.
	Keep
)

// Act is one thing that a step does.
type Act interface {
	// do returns an error if it was not done, or may not have been.
	do(ctx context.Context, a *attempt) error
}

// command is run on the host, and has to end with 0.
type command struct {
	why  string // what it is for, if it fails
	args []string
}

// write puts a file in its place, whole or not at all.
type write struct{ file host.File }

// arm arms the rollback: from here on the host undoes the change automatically, unless
// that is put off.
type arm struct{ command }

// copyOver copies a data root while the engine runs.
type copyOver struct{ job carry.Job }

// install puts the program that gives rights, and takes them back, into a folder.
type install struct{ folder string }

// restart restarts the daemon, and puts the undo off again after it.
type restart struct{ command }

// disarm ends that: the change is kept.
type disarm struct{ command }

// start starts containers.
type start struct{ containers []Object }

// prove proves the change.
type prove struct{}

func run(why string, args ...string) command { return command{why, args} }

// call runs a verb of the change's script.
func (c Change) call(why string, args ...string) command {
	return run(why, append([]string{"sh", c.scriptPath()}, args...)...)
}

// typed adds commands to a step that a user would type for it.
func (s Step) typed(commands ...command) Step {
	for _, c := range commands {
		s.Shown = append(s.Shown, sh.Command(c.args...))
		s.Acts = append(s.Acts, c)
	}
	return s
}
