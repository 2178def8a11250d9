package report

import (
	"fmt"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// LeftProcesses judges the containers that run outside of the engine. If there are
// some, todo says what that means, and what to do.
func LeftProcesses(f survey.Facts, todo string) Result {
	if f.Left.Err != nil {
		return Unread("whether containers run outside of the engine", f.Left.Err)
	}
	var details []Detail
	for _, l := range f.Left.Value {
		details = append(details, Detail{Name: fmt.Sprintf("%.12s", l.ID), Note: l.String()})
	}
	n, others := len(details), f.Daemon.Value.Others
	switch {
	case n == 0:
		return Pass("none")
	case len(others) > 0:
		return Unsure("%s the engine does not know; they may belong to another dockerd on this host (process %d)",
			Counted(n, "container runs that", "containers run that"), others[0].PID).With(details...)
	}
	return Fail("%s outside of the engine%s", Counted(n, "container runs", "containers run"), todo).With(details...)
}
