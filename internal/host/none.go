package host

import (
	"context"
	"io"
)

// None is a host out of reach: Why, or [ErrNone], is all it answers.
type None struct{ Why error }

func (n None) err() error {
	if n.Why != nil {
		return n.Why
	}
	return ErrNone
}

// Kind is KindNone.
func (None) Kind() string { return KindNone }

// Root returns the error that all methods of n return.
func (n None) Root(context.Context) error { return n.err() }

// Look is refused.
func (n None) Look(context.Context, Questions) (Answers, error) { return Answers{}, n.err() }

// ReadFiles is refused.
func (n None) ReadFiles(context.Context, []Path, func(Path, io.Reader, error) error) error {
	return n.err()
}

// Replace is refused.
func (n None) Replace(context.Context, File) error { return n.err() }

// Run is refused.
func (n None) Run(context.Context, Command) (Result, error) { return Result{}, n.err() }

// Close has nothing to close.
func (None) Close() error { return nil }
