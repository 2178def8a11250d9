//go:build !linux

package host

import (
	"context"
	"errors"
)

// Listener is unsupported here: no daemon runs on this system itself.
func Listener(context.Context, string) (Process, error) {
	return Process{}, errors.New("who listens on a socket can only be told on Linux")
}
