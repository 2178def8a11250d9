//go:build !linux

package host

import "errors"

// Local is out of reach here: a daemon on this system runs in a virtual machine.
func Local() Host {
	return None{errors.New("the daemon does not run on this machine: only Linux runs one itself")}
}
