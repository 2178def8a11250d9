// Package report is the shape of what `check` and `verify` find: results, each
// with a status of five, and the object that --format json prints.
package report

import "github.com/docker-userns/docker-userns/internal/survey"

// Status is the outcome of one question. The words are a contract.
type Status string

const (
	OK      Status = "ok"
	Warning Status = "warning"
	Error   Status = "error"
	// Skipped: it does not apply here, or what it needs has failed.
	Skipped Status = "skipped"
	// Unknown: it could not be determined. It is never a pass.
	Unknown Status = "unknown"
)

// Statuses are all of them, in the order in which they are counted.
var Statuses = []Status{OK, Warning, Error, Skipped, Unknown}

// Question is what a result answers. It serves checks and verification alike.
type Question struct {
	ID       string // words joined with hyphens; never changes
	Category string
	Title    string // what is true when it passes
	Item     string // the point of the checklist that it is part of; "": a point of its own, by its title
	Flag     string // that asks for it; "" if it is always asked
}

// Answer makes r the answer to the question.
func (q Question) Answer(r Result) Result {
	r.ID, r.Category, r.Title = q.ID, q.Category, q.Title
	return r
}

// Result is the answer to one question. Names in it are as they were found: who
// prints them escapes them.
type Result struct {
	ID       string   `json:"id"` // words joined with hyphens; never changes
	Category string   `json:"category"`
	Title    string   `json:"title"` // what is true when it passes
	Status   Status   `json:"status"`
	Message  string   `json:"message"` // what was found
	Fix      []string `json:"fix"`     // commands for a POSIX shell: on the daemon's host, but those of docker where this program was called
	Details  []Detail `json:"details,omitempty"`

	// Reason is why it is unknown, if that is an error of the survey.
	Reason string `json:"-"`
	// Cause is the ID of the result that explains this one, "" if none does.
	Cause string `json:"-"`
}

// Detail is one thing by its name, and what is to be said of it.
type Detail struct {
	Name string `json:"name"`
	Note string `json:"note"`
}

// Report is what `check --format json` and `verify --format json` print.
type Report struct {
	SchemaVersion int      `json:"schemaVersion"`
	Context       string   `json:"context"`
	Endpoint      string   `json:"endpoint"`
	Host          string   `json:"host"` // local, sudo, ssh or none
	Results       []Result `json:"results"`
	// Containers are who the processes of containers are; verify alone has them.
	Containers []Container    `json:"containers,omitempty"`
	Summary    map[Status]int `json:"summary"`
	// ExitCode and Error are there with --contexts: what the command would have ended with,
	// and why the host could not be looked at, "" if it was.
	ExitCode *int   `json:"exitCode,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Container is one container, with the users that its processes run as.
type Container struct {
	Name      string `json:"name"`
	Processes int    `json:"processes"`
	Users     []User `json:"users"`
}

// User is who processes of a container are: in it, nil if that is unknown or if it has
// no such ID, and on the host.
type User struct {
	Processes int    `json:"processes"`
	UID       *int64 `json:"uid"`
	GID       *int64 `json:"gid"`
	HostUID   int64  `json:"hostUID"`
	HostGID   int64  `json:"hostGID"`
}

// Status gives the status of the result with that ID, "" if there is none.
func (r Report) Status(id string) Status {
	for _, one := range r.Results {
		if one.ID == id {
			return one.Status
		}
	}
	return ""
}

// New puts results under the names of where they come from. A result that is unknown
// for the reason of an earlier one is explained by it.
func New(f survey.Facts, results []Result) Report {
	r := Report{
		SchemaVersion: 1, Context: f.Context, Endpoint: f.Endpoint, Host: f.HostKind, Results: results,
		Summary: map[Status]int{},
	}
	for _, s := range Statuses {
		r.Summary[s] = 0
	}
	first := map[string]string{} // the ID of the first result with a reason
	for i, one := range results {
		r.Summary[one.Status]++
		switch cause := first[one.Reason]; {
		case one.Reason == "" || one.Cause != "":
		case cause == "":
			first[one.Reason] = one.ID
		case one.Status == Unknown && len(one.Details) == 0:
			r.Results[i].Cause = cause
		}
		if one.Fix == nil {
			r.Results[i].Fix = []string{}
		}
	}
	return r
}
