package verify

import (
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// A container that was restarted within lately, and this often, is restarting
// again and again, also if it happens to run now: the engine waits a minute at
// most between two starts.
const (
	lately = time.Minute
	often  = 3
)

func containersUp(in *input) report.Result {
	if in.Containers.Err != nil {
		return report.Unread("which containers run", in.Containers.Err)
	}
	subjects := in.Chosen
	if len(in.want.Containers) == 0 {
		subjects = in.Containers.Value // one that has given up does not run any more
	}
	r := report.Pass("all of %s", report.Count(len(in.Chosen), "container"))
	for _, c := range subjects {
		if status, note := steadiness(c, in.Engine.Value.Time); status != report.OK {
			r.Status = worse(r, report.Result{Status: status}).Status
			r = r.With(report.Detail{Name: c.Name, Note: note})
		}
	}
	if n := len(r.Details); n > 0 {
		r.Message = fmt.Sprintf("%s; see why with: %s", report.Counted(n, "container does not stay up or is unhealthy", "containers do not stay up or are unhealthy"), report.Docker(in.Facts, "logs", "CONTAINER"))
		r.Details = bounded(r.Details)
	}
	return r
}

// steadiness says what is wrong with how a container keeps running. now is the
// engine's time, zero if it is not known.
func steadiness(c survey.Container, now time.Time) (report.Status, string) {
	restarts := "restarted " + report.Count(c.Restarts, "time")
	since := now.Sub(c.Started).Round(time.Second)
	switch {
	case c.State == "restarting":
		return report.Error, fmt.Sprintf("restarting, last exit code %d; %s", c.ExitCode, restarts)
	case c.State == "exited" && c.MaxRetries > 0 && c.Restarts >= c.MaxRetries && c.ExitCode != 0:
		return report.Error, fmt.Sprintf("gave up with exit code %d; %s", c.ExitCode, restarts)
	case !c.Running():
	case c.Health == "unhealthy":
		return report.Error, "its health check fails"
	case now.IsZero() || c.Started.IsZero() || since > lately:
	case c.Restarts >= often:
		return report.Error, fmt.Sprintf("%s, the last time %s ago", restarts, since)
	case c.Restarts > 0:
		return report.Warning, fmt.Sprintf("%s, the last time %s ago", restarts, since)
	}
	return report.OK, ""
}
