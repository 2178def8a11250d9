package check

import (
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// leftProcesses: containers that the engine does not know are stopped by nothing,
// and go on writing after the switch.
func leftProcesses(in *Input) Result {
	return report.LeftProcesses(in.Facts, "; no docker command stops them, and they may write to the same volumes as other containers; end their processes first")
}

// daemonTime is how long a daemon was seen to take from its stop to its first answer.
const daemonTime = 10 * time.Second

// impactStopTime: every container is stopped before the daemon is, and is given
// the time that it was made with.
func impactStopTime(in *Input) Result {
	if r, ok := alreadyOn(in); ok {
		return r
	}
	if in.Containers.Err != nil {
		return unread("how long containers take to stop", in.Containers.Err)
	}
	var slow, endless []Detail
	for _, c := range in.Containers.Value {
		switch {
		case !c.Running():
		case c.StopTimeout < 0:
			endless = append(endless, Detail{Name: c.Name, Note: "never killed (stop timeout " + fmt.Sprint(c.StopTimeout) + ")"})
		case c.StopTime() > survey.UsualStop:
			slow = append(slow, Detail{Name: c.Name, Note: "has " + c.StopTime().String() + " to stop"})
		}
	}
	outage := in.StopTime() + daemonTime
	if len(endless) > 0 {
		r := fail("%s no stop timeout, and the change waits %s at most; stop them yourself first", report.Counted(len(endless), "container has", "containers have"), survey.Patience)
		for _, d := range endless {
			r = r.Fixed(in.docker("stop", d.Name))
		}
		return r.With(endless...).With(slow...)
	}
	if len(slow) > 0 {
		return warn("the engine will be down for up to %s: %s more than the usual %s to stop", outage, report.Counted(len(slow), "container has", "containers have"), survey.UsualStop).With(slow...)
	}
	return pass("the engine will be down for up to %s", outage)
}
