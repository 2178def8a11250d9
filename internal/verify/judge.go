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
func leftProcesses(j *judge) report.Result {
	r := report.LeftProcesses(j.Facts, "")
	r.Details = bounded(r.Details)
	return r
}

func usernsHost(j *judge) report.Result {
	if j.Containers.Err != nil {
		return report.Unread("which containers run", j.Containers.Err)
	}
	var stay []report.Detail
	for _, c := range j.Chosen {
		if c.HostUserns() {
			stay = append(stay, report.Detail{Name: c.Name, Note: "its root is root on the host" + j.counted(c)})
		}
	}
	if len(stay) > 0 {
		return report.Warn("%s --userns=host, as configured", report.Counted(len(stay), "container uses", "containers use")).With(stay...)
	}
	return report.Pass("none of %s", report.Count(len(j.Chosen), "container"))
}

func (j *judge) counted(c survey.Container) string {
	n := 0
	for _, p := range j.Processes.Value {
		if p.Container == c.ID {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", with " + report.Counted(n, "process", "processes")
}

func hostRoot(j *judge) report.Result {
	r, ok := j.unreadProcesses()
	if !ok {
		return r
	}
	bad := j.odd(func(o oddity) bool { return o.root })
	if len(bad) > 0 {
		return report.Fail("%s root on the host", report.Counted(j.oddCount(true), "process is", "processes are")).With(bounded(bad)...)
	}
	if len(j.Unseen) > 0 {
		return j.outOfSight()
	}
	return report.Pass("none of %s", j.tally())
}

func (j *judge) outOfSight() report.Result {
	var details []report.Detail
	for _, name := range j.Unseen {
		details = append(details, report.Detail{Name: name})
	}
	return report.Unsure("could not find any process of %s; run this as root", report.Counted(len(j.Unseen), "running container", "running containers")).With(bounded(details)...)
}

func inMap(j *judge) report.Result {
	r, ok := j.unreadProcesses()
	if !ok {
		return r
	}
	bad := j.odd(func(o oddity) bool { return !o.root })
	switch {
	case len(bad) > 0:
		return report.Fail("%s IDs that are not in the map", report.Counted(j.oddCount(false), "process has", "processes have")).With(bounded(bad)...)
	case len(j.Unseen) > 0:
		return j.outOfSight()
	case j.Weak && !j.limitKnown():
		return report.Unsure("according to the engine's ps, the host IDs of %s begin at %d; could not determine where the map ends and which IDs their threads have: %s",
			j.tally(), j.floor().UID.Root(), report.Why(j.Kernel.Err)).Because(j.Kernel.Err)
	case j.Weak:
		return report.Pass("%s, according to the engine's ps, which is weaker proof: it shows neither threads nor the kernel's map", j.tally())
	}
	return report.Pass("%s", j.tally())
}

// unreadProcesses gives the answer where there are no processes to judge.
func (j *judge) unreadProcesses() (report.Result, bool) {
	switch {
	case j.Containers.Err != nil:
		return report.Unread("which containers run", j.Containers.Err), false
	case j.Processes.Err != nil:
		return report.Unread("which processes run", j.Processes.Err), false
	case len(j.Chosen) == 0:
		return report.Skip("no container runs"), false
	}
	return report.Result{}, true
}

// tally counts what was looked at: "312 processes of 14 containers". Containers
// that ended meanwhile, and those of the host's user namespace, do not count.
func (j *judge) tally() string {
	processes, containers := 0, map[string]bool{}
	for _, p := range j.Processes.Value {
		if !p.Stays {
			processes++
			containers[p.Container] = true
		}
	}
	return fmt.Sprintf("%s of %s", report.Counted(processes, "process", "processes"), report.Count(len(containers), "container"))
}

// odd names the processes with an oddity of a kind.
func (j *judge) odd(kind func(oddity) bool) []report.Detail {
	names := map[string]string{}
	for _, c := range j.Chosen {
		names[c.ID] = c.Name
	}
	var details []report.Detail
	for _, p := range j.Processes.Value {
		for _, o := range oddities(j.limited(p), j.kernel) {
			if kind(o) {
				details = append(details, report.Detail{Name: fmt.Sprintf("%s: process %d (%s)", names[p.Container], p.PID, p.Name), Note: o.note})
			}
		}
	}
	return details
}

func (j *judge) oddCount(root bool) int {
	n := 0
	for _, p := range j.Processes.Value {
		for _, o := range oddities(j.limited(p), j.kernel) {
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
func (j *judge) limited(p Process) Process {
	if j.Weak {
		p.Map = j.floor()
	}
	return p
}

// limitKnown says whether the whole map is known where the host is not.
func (j *judge) limitKnown() bool { return j.want.Expect != nil || !j.Probed.Empty() }

// floor is the map that was asked for or that a probe was seen to have, else all
// that is known of it without the host: where it begins.
func (j *judge) floor() idmap.Map {
	switch {
	case j.want.Expect != nil:
		return *j.want.Expect
	case !j.Probed.Empty():
		return j.Probed
	}
	uid, gid, _ := dockerd.RootIDs(j.Engine.Value.DataRoot)
	return idmap.Map{UID: idmap.Single(uid, 1<<32-uid).UID, GID: idmap.Single(gid, 1<<32-gid).GID}
}
