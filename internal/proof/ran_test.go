package proof

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// A container is up if it runs and did so at the last look, or has ended well. Nothing is
// to be waited for if it has failed for good.
func TestIsUp(t *testing.T) {
	began := time.Unix(1e9, 0)
	running := survey.Container{State: "running", Started: began}
	failed := survey.Container{State: "exited", ExitCode: 1}
	for name, tc := range map[string]struct {
		before, now survey.Container
		up, down    bool
	}{
		"at the first look":       {survey.Container{}, running, false, false},
		"at the second":           {running, running, true, false},
		"started again meanwhile": {running, survey.Container{State: "running", Started: began.Add(time.Second)}, false, false},
		"done":                    {survey.Container{}, survey.Container{State: "exited"}, true, false},
		"failed":                  {running, failed, false, true},
		"failed, with a policy":   {running, survey.Container{State: "exited", ExitCode: 1, Restart: "always"}, false, false},
		"restarting":              {running, survey.Container{State: "restarting", ExitCode: 1, Restart: "always"}, false, false},
		"missing":                 {running, survey.Container{}, false, false},
	} {
		assert.Equal(t, isUp(tc.before, tc.now), tc.up, name)
		assert.Equal(t, staysDown(tc.now), tc.down, name)
	}
}
