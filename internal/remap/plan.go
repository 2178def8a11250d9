package remap

import (
	"io/fs"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Plan is a change before it is made: what will be done, in order, and what is
// to be true afterwards. A plan without steps is a host that is already as it
// was asked to be.
type Plan struct {
	Change
	Verb   Verb
	Driver string // the storage driver that is pinned, "" none
	Before State  // of the engine, now
	After  State  // what has to be proven
	Steps  []Step
	// Ran are the containers that ran before remap was turned on, if the plan
	// turns it off.
	Ran []Object
	// Recorded says that a manifest tells what After has; otherwise its lists are
	// empty.
	Recorded bool
	// Left says what was to be deleted and is left, since no change of this program
	// made it, or somebody has changed it since.
	Left []string
	// Strangers are the containers, by ID, that ran outside of the engine before.
	Strangers []string
	// Restart is what a person has to type where the plan does not restart the
	// daemon; "" where it does.
	Restart string
	On      string        // the machine that it is to be typed on
	Timeout time.Duration // until the host returns by itself, from the first step on
}

// Verb is what a change was asked for.
type Verb string

// The verbs.
const (
	Enable  Verb = "enable"
	Disable Verb = "disable"
)

// State is what an engine shows of remap.
type State struct {
	Remapped   bool      `json:"remapped"`
	DataRoot   string    `json:"dataRoot"`
	Containerd bool      `json:"containerdStore,omitempty"` // images are in containerd's store, not in the data root
	Map        idmap.Map `json:"idMap,omitzero"`            // where it is remapped
	Containers []Object  `json:"containers"`
	Images     []Object  `json:"images"`
	Volumes    []Object  `json:"volumes"`
	Networks   []Object  `json:"networks"`
}

// Object is a container, an image, a volume or a network.
type Object struct {
	ID   string `json:"id"`
	Name string `json:"name"` // "" if it has none
	// UsedBy are the names of the containers that mount it, if it is a volume.
	UsedBy []string `json:"usedBy,omitempty"`
}

// Step is one thing that a plan does: some acts, one after the other.
type Step struct {
	Name  StepName
	Title string // what it does, for a person
	Diff  string // of the file that it changes, where it changes one
	Acts  []Act
}

// StepName is the word for a step, in messages and in tests.
type StepName string

// The steps, in the order in which they can come.
const (
	StepArm      StepName = "arm"      // back up, lay down the way back, set its timer, take the lock
	StepAccount  StepName = "account"  // make the user
	StepRanges   StepName = "ranges"   // give it subordinate IDs
	StepValidate StepName = "validate" // have dockerd read what daemon.json will be
	StepConfig   StepName = "config"   // put daemon.json in its place
	StepRestart  StepName = "restart"  // of the daemon
	StepStart    StepName = "start"    // of the containers that ran before remap was turned on
	StepProve    StepName = "prove"    // look whether all is as it should be
	StepKeep     StepName = "keep"     // disarm: from here on the change stays
	StepForget   StepName = "forget"   // take back what an earlier enable made: ranges, user
	StepReclaim  StepName = "reclaim"  // delete a remapped tree
)

// Act is one thing done to the host: a file put in its place, or a command that
// has to end with 0.
type Act struct {
	File *host.File
	Run  *host.Command
	// Why is said of a command that fails: what it was for.
	Why string
}

func run(why string, args ...string) Act {
	return Act{Run: &host.Command{Args: args}, Why: why}
}

func write(path string, data []byte, mode fs.FileMode) Act {
	return Act{File: &host.File{Path: path, Data: data, Mode: mode}}
}

// Does says whether the plan has a step.
func (p Plan) Does(name StepName) bool {
	for _, s := range p.Steps {
		if s.Name == name {
			return true
		}
	}
	return false
}
