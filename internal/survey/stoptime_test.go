package survey

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// Docker stops 50 containers at a time, and the rollback has to wait for all.
func TestStopTime(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 0, 1: 30 * time.Second, 50: 30 * time.Second, 51: time.Minute, 200: 2 * time.Minute} {
		var f Facts
		for range n {
			f.Containers.Value = append(f.Containers.Value, Container{State: "running", StopTimeout: 30})
		}
		f.Containers.Value = append(f.Containers.Value, Container{State: "exited", StopTimeout: 900})
		assert.Equal(t, f.StopTime(), want, n)
	}
}
