//go:build !linux

package host

import (
	"context"
	"errors"
)

// Listener is unsupported here: no daemon runs on this system itself.
func Listener(context.Context, string) (Process, error) {
	return Process{}, errors.New("finding out who listens on a socket is supported on Linux only")
}
