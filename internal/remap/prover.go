package remap

import (
	"context"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Prover asks of the engine what a change needs to know and to have done.
type Prover interface {
	// Rehearse tries what Prove relies on, before anything is touched. An error
	// refuses the change.
	Rehearse(ctx context.Context, p Plan) error
	// Survey looks at the engine and its host again.
	Survey(ctx context.Context) survey.Facts
	// Start starts containers of a plan, and goes on if one does not start. An error
	// undoes the change.
	Start(ctx context.Context, p Plan, containers []Object, renew Renew) error
	// Prove returns nil if the host is as the plan wants it, otherwise why it is not,
	// which undoes the change.
	Prove(ctx context.Context, p Plan, renew Renew) error
}

// Renew keeps the host from undoing the change automatically. What takes longer than a
// few seconds calls it again and again. It fails if the host has begun to undo.
type Renew func(ctx context.Context) error

// Copier copies data roots on the host.
type Copier interface {
	// Prepare makes a twin, or goes on with it, and tells each how far it is.
	Prepare(ctx context.Context, j carry.Job, each func(carry.State)) error
}

// Granter has the program that gives rights on the host, and takes them back.
type Granter interface {
	// Install puts the program into the folder of a change, for its script.
	Install(ctx context.Context, folder string) error
}

// Events is told how a change goes on.
type Events interface {
	// Begin is called before each step, the nth of the plan, counting from 1.
	Begin(n int, s Step)
	// Copying is called every second while a plan's Carry is copied.
	Copying(s carry.State)
	// Done is called after each step that succeeded.
	Done(s Step)
	// Undoing is called before a change is undone, with the reason.
	Undoing(why error)
}
