package survey

import (
	"testing"

	"gotest.tools/v3/assert"
)

// What a container can change while it is read is not read as root.
func TestAccountFilesOfWhatRuns(t *testing.T) {
	c := inspected{layers: []string{"/layer"}}
	c.User = "app"
	for state, want := range map[string]int{"exited": 2, "created": 2, "restarting": 0} {
		c.State = state
		assert.Equal(t, len(c.accountFiles()), want, state)
	}
	c.State, c.PID = "running", 7
	assert.Equal(t, len(c.accountFiles()), 0)
}
