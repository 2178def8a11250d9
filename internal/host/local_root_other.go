//go:build !linux

package host

import (
	"context"
	"io"
	"os"
)

// ProcessRoot is the file system as a process sees it. There is none
// here.
type ProcessRoot struct{ PID int }

// Close does nothing.
func (*ProcessRoot) Close() error { return nil }

// ReadFiles returns ErrNoDaemon.
func (*ProcessRoot) ReadFiles(context.Context, []Path, func(Path, io.Reader, error) error) error {
	return ErrNoDaemon
}

// Open returns ErrNoDaemon.
func (*ProcessRoot) Open(Path) (*os.File, error) { return nil, ErrNoDaemon }

// Names returns ErrNoDaemon.
func (*ProcessRoot) Names(string) ([]string, error) { return nil, ErrNoDaemon }
