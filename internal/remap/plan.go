package remap

import (
	"time"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Plan is a change before it is made: what will be done, in order, and what must
// be true afterwards. A plan without steps is of a host that is as it was asked to
// be already. Nothing in a plan changes once it is made.
type Plan struct {
	Change
	Verb   Verb
	Driver string // the storage driver that is pinned, "" none
	Before State  // of the engine, now
	After  State  // what has to be proven
	Steps  []Step
	// Carry is what it copies to the new data root, nil if nothing.
	Carry *Carry
	// Grants are the rights that it gives to what containers mount from the host, or takes
	// back, as Rights says.
	Grants Grants
	// Ran are the containers that ran before remap was turned on, if the plan
	// turns it off.
	Ran []Object
	// Recorded reports whether a manifest says what After has; otherwise its lists
	// are empty.
	Recorded bool
	// Trees are the remapped data roots that it deletes.
	Trees []Tree
	// NotRemoved are sentences about what was to be removed and is not, since no
	// change of this program made it, or somebody has changed it since.
	NotRemoved []string
	// Unmanaged are the containers, by ID, that ran outside of the engine before.
	Unmanaged []string
	// Restarts reports whether it restarts the daemon, and proves the change.
	Restarts bool
	// Restart is what the user has to type afterwards for the daemon to run as
	// planned; "" if nothing.
	Restart string
	On      string        // the machine that it is to be typed on
	Timeout time.Duration // from the first step on, until the host undoes the change automatically
}

// Verb is what a change was asked for.
type Verb string

// The verbs.
const (
	Enable  Verb = "enable"
	Disable Verb = "disable"
)

// Backup is the folder on the host with the files as they were, "" if the plan
// edits none.
func (p Plan) Backup() string {
	if p.Config.Path == "" {
		return ""
	}
	return p.Dir()
}

// planOf is a plan without steps: what it starts from, and where it leads.
func planOf(f survey.Facts, verb Verb, before, after State, now time.Time, timeout time.Duration) Plan {
	p := Plan{
		Change: Change{
			ID: id(now), Unit: unitOf(f), Socket: socketUnitOf(f), DataRoot: before.DataRoot, NewRoot: newRoot(before, after),
			Endpoint: socketOf(f), Down: f.Engine.Err != nil,
		},
		Verb: verb, Before: before, After: after, Timeout: timeout, On: report.On(f.Endpoint, f.HostKind),
	}
	for _, c := range f.Containers.Value {
		if c.Running() && !c.AutoRemove {
			p.Running = append(p.Running, c.ID)
		}
	}
	for _, l := range f.Left.Value {
		p.Unmanaged = append(p.Unmanaged, l.ID)
	}
	return p
}

// id names a change by its time.
func id(now time.Time) string { return now.UTC().Format("20060102T150405Z") }

// newRoot is the data root that the daemon moves to, "" if it stays.
func newRoot(before, after State) string {
	if after.DataRoot == before.DataRoot {
		return ""
	}
	return after.DataRoot
}
