//go:build !faults

package commands

import "github.com/docker-userns/docker-userns/internal/remap"

// paused is where the tests of faults stop the program, see fault_on.go.
func paused(remap.Step) {}
