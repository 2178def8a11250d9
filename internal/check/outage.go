package check

import (
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// leftProcesses: containers that the engine does not know are stopped by nothing,
// and go on writing after the switch.
func leftProcesses(in *Input) Result {
	if in.Left.Err != nil {
		return unread("whether containers run outside of the engine", in.Left.Err)
	}
	if len(in.Left.Value) == 0 {
		return pass("none")
	}
	var details []Detail
	for _, l := range in.Left.Value {
		details = append(details, Detail{Name: fmt.Sprintf("%.12s", l.ID), Note: l.String()})
	}
	if others := in.Daemon.Value.Others; len(others) > 0 {
		return unsure("%s the engine does not know; another dockerd runs here (process %d) and may know them", containersRun(len(details), "that"), others[0].PID).With(details...)
	}
	return fail("%s outside of the engine: no docker command stops them, and they may write to the same volumes as others; end the processes first", containersRun(len(details), "")).With(details...)
}

func containersRun(n int, that string) string {
	words := "containers run"
	if n == 1 {
		words = "container runs"
	}
	if that != "" {
		words += " " + that
	}
	return fmt.Sprintf("%d %s", n, words)
}

const (
	// daemonTime is how long a daemon was seen to take from its stop to its first answer.
	daemonTime = 10 * time.Second
	// usualStop is how long a container has to stop unless it says otherwise.
	usualStop = 10 * time.Second
)

// impactStopTime: every container is stopped before the daemon is, and is given
// the time that it was made with.
func impactStopTime(in *Input) Result {
	if r, ok := gone(in); ok {
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
			endless = append(endless, Detail{Name: c.Name, Note: "it is never killed (stop timeout " + fmt.Sprint(c.StopTimeout) + ")"})
		case c.StopTime() > usualStop:
			slow = append(slow, Detail{Name: c.Name, Note: "it has " + c.StopTime().String() + " to stop"})
		}
	}
	outage := in.StopTime() + daemonTime
	if len(endless) > 0 {
		r := fail("%s may take as long as it likes to stop, and is waited for %s at most; stop it yourself first", count(len(endless), "container"), survey.Patience)
		for _, d := range endless {
			r = r.Fixed(in.docker("stop", d.Name))
		}
		return r.With(endless...).With(slow...)
	}
	if len(slow) > 0 {
		return warn("the engine is down for up to %s: %s more than the usual %s to stop", outage, has(len(slow)), usualStop).With(slow...)
	}
	return pass("the engine is down for up to %s", outage)
}

func has(n int) string {
	if n == 1 {
		return "1 container has"
	}
	return fmt.Sprintf("%d containers have", n)
}
