// Package check decides, on one survey of a daemon and its host, whether
// userns-remap will work there, or, where it is on, whether it is sound and
// would come up again. It reads nothing and changes nothing.
//
// A check is data in an ordered list. Its title states what is true when it
// passes; its message says what was found; its fix is commands to paste.
package check

import "slices"

// Status is the outcome of a check. The words are a contract.
type Status string

const (
	OK      Status = "ok"
	Warning Status = "warning"
	Error   Status = "error"
	// Skipped: it does not apply here, or what it needs has failed.
	Skipped Status = "skipped"
	// Unknown: it could not be told. It is never a pass.
	Unknown Status = "unknown"
)

// Categories, in the order in which they are shown.
const (
	catEngine  = "engine"
	catService = "service"
	catHost    = "kernel and host"
	catSubID   = "subordinate IDs"
	catConfig  = "daemon.json"
	catStorage = "storage"
	catImpact  = "impact"
	catPerson  = "person"
)

// Check is one question. IDs are words joined with hyphens, and never change.
type Check struct {
	ID       string
	Category string
	Title    string
	// Needs are checks before it in the list. A cause that was named hides its
	// consequences: where one of them is an error, this one is skipped; where one
	// is unknown and this one is too, it says no more than that.
	Needs []string
	Run   func(*Input) Result
}

// Result is what a check says. Names in it are as they were found: who prints
// them escapes them.
type Result struct {
	ID       string   `json:"id"`
	Category string   `json:"category"`
	Title    string   `json:"title"`
	Status   Status   `json:"status"`
	Message  string   `json:"message"`
	Fix      []string `json:"fix"` // commands for a POSIX shell on the daemon's host
	Details  []Detail `json:"details,omitempty"`
}

// Detail is one thing by its name, and what is to be said of it.
type Detail struct {
	Name string `json:"name"`
	Note string `json:"note"`
}

// Report is what `check --format json` prints.
type Report struct {
	SchemaVersion int            `json:"schemaVersion"`
	Context       string         `json:"context"`
	Endpoint      string         `json:"endpoint"`
	Host          string         `json:"host"` // local, sudo, ssh or none
	Results       []Result       `json:"results"`
	Summary       map[Status]int `json:"summary"`
}

// All gives every check, in the order in which they are run and shown.
func All() []Check {
	return slices.Concat(engineChecks, serviceChecks, hostChecks, subidChecks, configChecks, storageChecks, impactChecks, personChecks)
}

// IDs are those of all checks, in order.
func IDs() []string {
	var ids []string
	for _, c := range All() {
		ids = append(ids, c.ID)
	}
	return ids
}
