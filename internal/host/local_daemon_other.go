//go:build !linux

package host

import "fmt"

// Daemons finds nothing: a daemon runs in a virtual machine here.
func Daemons(socket string) ([]*ProcessRoot, error) {
	return nil, fmt.Errorf("looking for the daemon of %s: %w", socket, ErrNoDaemon)
}
