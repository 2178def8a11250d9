package verify

import (
	"fmt"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const itemProcesses = "Every process of every container is where the map says, and none is root on the host"

var processQuestions = []question{
	{Question: report.Question{ID: "left-processes", Category: catProcesses, Title: "No container runs outside of the engine", Item: itemProcesses}, inherited: true, answer: leftProcesses},
	{Question: report.Question{ID: "userns-host", Category: catProcesses, Title: "No container uses --userns=host", Item: itemProcesses}, answer: usernsHost},
	{Question: report.Question{ID: "host-root", Category: catProcesses, Title: "No process of a container is root on the host", Item: itemProcesses}, answer: hostRoot},
	{Question: report.Question{ID: "processes", Category: catProcesses, Title: "Every process of every container has IDs of the map", Item: itemProcesses}, answer: inMap},
	{Question: report.Question{ID: "containers-up", Category: catProcesses, Title: "Containers stay up, and are healthy by their own health checks"}, inherited: true, answer: containersUp},
}

// leftProcesses: what runs outside of the engine has no map of this engine, and
// writes on to volumes that a second container may be given.
func leftProcesses(in *input) report.Result {
	r := report.LeftProcesses(in.Facts, "")
	r.Details = bounded(r.Details)
	return r
}

func usernsHost(in *input) report.Result {
	if in.Containers.Err != nil {
		return report.Unread("which containers run", in.Containers.Err)
	}
	var stay []report.Detail
	for _, c := range in.Chosen {
		if c.HostUserns() {
			stay = append(stay, report.Detail{Name: c.Name, Note: "its root is root on the host" + in.counted(c)})
		}
	}
	if len(stay) > 0 {
		return report.Warn("%s --userns=host, as configured", report.Counted(len(stay), "container uses", "containers use")).With(stay...)
	}
	return report.Pass("none of %s", report.Count(len(in.Chosen), "container"))
}

func (in *input) counted(c survey.Container) string {
	n := 0
	for _, p := range in.Processes.Value {
		if p.Container == c.ID {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", with " + report.Counted(n, "process", "processes")
}

func hostRoot(in *input) report.Result {
	r, ok := in.unreadProcesses()
	if !ok {
		return r
	}
	bad := in.violating(func(o violation) bool { return o.root })
	if len(bad) > 0 {
		return report.Fail("%s root on the host", report.Counted(in.countViolations(true), "process is", "processes are")).With(bounded(bad)...)
	}
	if len(in.Unseen) > 0 {
		return in.outOfSight()
	}
	return report.Pass("none of %s", in.tally())
}

func (in *input) outOfSight() report.Result {
	var details []report.Detail
	for _, name := range in.Unseen {
		details = append(details, report.Detail{Name: name})
	}
	return report.Unsure("could not find any process of %s; run this as root", report.Counted(len(in.Unseen), "running container", "running containers")).With(bounded(details)...)
}

func inMap(in *input) report.Result {
	r, ok := in.unreadProcesses()
	if !ok {
		return r
	}
	bad := in.violating(func(o violation) bool { return !o.root })
	switch {
	case len(bad) > 0:
		return report.Fail("%s IDs that are not in the map", report.Counted(in.countViolations(false), "process has", "processes have")).With(bounded(bad)...)
	case len(in.Unseen) > 0:
		return in.outOfSight()
	case in.Weak && !in.limitKnown():
		return report.Unsure("according to the engine's ps, the host IDs of %s begin at %d; could not determine where the map ends and which IDs their threads have: %s",
			in.tally(), in.floor().UID.Root(), report.Why(in.Kernel.Err)).Because(in.Kernel.Err)
	case in.Weak:
		return report.Pass("%s, according to the engine's ps, which is weaker proof: it shows neither threads nor the kernel's map", in.tally())
	}
	return report.Pass("%s", in.tally())
}

// unreadProcesses gives the answer if there are no processes to answer from.
func (in *input) unreadProcesses() (report.Result, bool) {
	switch {
	case in.Containers.Err != nil:
		return report.Unread("which containers run", in.Containers.Err), false
	case in.Processes.Err != nil:
		return report.Unread("which processes run", in.Processes.Err), false
	case len(in.Chosen) == 0:
		return report.Skip("no container runs"), false
	}
	return report.Result{}, true
}

// tally counts what was looked at: "312 processes of 14 containers". Containers
// that ended meanwhile, and those of the host's user namespace, do not count.
func (in *input) tally() string {
	processes, containers := 0, map[string]bool{}
	for _, p := range in.Processes.Value {
		if !p.HostUserns {
			processes++
			containers[p.Container] = true
		}
	}
	return fmt.Sprintf("%s of %s", report.Counted(processes, "process", "processes"), report.Count(len(containers), "container"))
}

// violating names the processes with a violation of a kind.
func (in *input) violating(kind func(violation) bool) []report.Detail {
	names := map[string]string{}
	for _, c := range in.Chosen {
		names[c.ID] = c.Name
	}
	var details []report.Detail
	for _, p := range in.Processes.Value {
		for _, o := range violations(in.limited(p), in.kernel) {
			if kind(o) {
				details = append(details, report.Detail{Name: fmt.Sprintf("%s: process %d (%s)", names[p.Container], p.PID, p.Name), Note: o.what})
			}
		}
	}
	return details
}

func (in *input) countViolations(root bool) int {
	n := 0
	for _, p := range in.Processes.Value {
		for _, o := range violations(in.limited(p), in.kernel) {
			if o.root == root {
				n++
				break
			}
		}
	}
	return n
}

// limited gives a process that only the engine has told of the map to hold it
// against.
func (in *input) limited(p Process) Process {
	if in.Weak {
		p.Map = in.floor()
	}
	return p
}

// limitKnown reports whether the whole map is known though the host is not.
func (in *input) limitKnown() bool { return in.want.Expect != nil || !in.Probed.Empty() }

// floor is the map that was asked for or that a probe was seen to have, otherwise all
// that is known of it without the host: where it begins.
func (in *input) floor() idmap.Map {
	switch {
	case in.want.Expect != nil:
		return *in.want.Expect
	case !in.Probed.Empty():
		return in.Probed
	}
	uid, gid, _ := dockerd.RootIDs(in.Engine.Value.DataRoot)
	return idmap.Map{UID: idmap.Single(uid, 1<<32-uid).UID, GID: idmap.Single(gid, 1<<32-gid).GID}
}
