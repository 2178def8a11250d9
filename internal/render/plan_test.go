package render

import (
	"testing"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/remap"
	"gotest.tools/v3/assert"
)

// A plan shows the commands and diffs that a person would want to see, and
// nothing that could write on a terminal.
func TestPlanText(t *testing.T) {
	command := func(args ...string) remap.Act { return remap.Act{Run: &host.Command{Args: args}} }
	p := remap.Plan{Steps: []remap.Step{
		{Name: remap.StepArm, Title: "Back up", Acts: []remap.Act{command("mkdir", "-p", "/x"), {File: &host.File{Path: "/x/change.sh"}}, command("sh", "/x/change.sh", "arm")}},
		{Name: remap.StepAccount, Title: "Make a user", Acts: []remap.Act{command("useradd", "--system", "remap")}},
		{Name: remap.StepConfig, Title: "Set it", Diff: "--- a\n+++ a\n@@ -1 +1 @@\n-{}\x1b[31m\n+{\"userns-remap\": \"remap\"}\n", Acts: []remap.Act{{File: &host.File{Path: "a"}}}},
		{Name: remap.StepRestart, Title: "Restart", Acts: []remap.Act{command("sh", "/x/change.sh", "restart")}},
		{Name: remap.StepKeep, Title: "Keep", Acts: []remap.Act{command("sh", "/x/change.sh", "keep")}},
	}}
	assert.Equal(t, Plan(p, Style{}), ` 1. Back up
 2. Make a user
      useradd --system remap
 3. Set it
      --- a
      +++ a
      @@ -1 +1 @@
      -{}\x1b[31m
      +{"userns-remap": "remap"}
 4. Restart
 5. Keep
`)
	coloured := Plan(p, Style{colour: true})
	assert.Assert(t, len(coloured) > len(Plan(p, Style{})))
}
