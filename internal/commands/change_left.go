package commands

import (
	"context"
	"fmt"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/proof"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// answerable refuses a proof that cannot succeed: what it asks is served by a
// container that stays behind in the old data root.
func (t *target) answerable(ctx context.Context, f survey.Facts, o proofOptions) error {
	type asked struct{ flag, value, name, port string }
	var all []asked
	if o.Health != nil {
		name, port := o.Health.URL.Server()
		all = append(all, asked{"--health-url", o.Health.URL.String(), name, port}) // without a password
	}
	if !o.Socket.None() {
		name, port := o.Socket.Server()
		all = append(all, asked{"--probe-socket", o.socket, name, port})
	}
	for _, a := range all {
		number, err := strconv.Atoi(a.port)
		if err != nil {
			continue
		}
		server := proof.ServedBy(ctx, t.renewed(), f, a.name, number)
		if server == "" {
			continue
		}
		then := report.Docker(f, "userns", "verify")
		if a.flag == "--health-url" {
			then = report.Docker(f, "userns", "verify", a.flag, a.value)
		}
		return &escape.LinesError{Lines: []string{
			fmt.Sprintf("%s %s: container %s serves port %d, and it stays behind in the old data root.", a.flag, a.value, server, number),
			"Nothing could answer there until the container is recreated, so the change would be undone.",
			fmt.Sprintf("Omit %s, recreate the container after the change, and prove it then:", a.flag),
			"", "    " + then,
		}}
	}
	return nil
}
