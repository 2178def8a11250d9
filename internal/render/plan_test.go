package render

import (
	"testing"

	"github.com/docker-userns/docker-userns/internal/remap"
	"gotest.tools/v3/assert"
)

// A plan shows the commands and diffs that a person would want to see, and
// nothing that could write on a terminal.
func TestPlanText(t *testing.T) {
	p := remap.Plan{Steps: []remap.Step{
		{Title: "Back up"},
		{Title: "Make a user", Shown: []string{"useradd --system remap"}},
		{Title: "Set it", Diff: "--- a\n+++ a\n@@ -1 +1 @@\n-{}\x1b[31m\n+{\"userns-remap\": \"remap\"}\n"},
		{Title: "Restart"},
		{Title: "Keep"},
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
