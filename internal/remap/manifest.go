package remap

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
)

const manifestFile = "manifest.json"

// Manifest says what a change was, for those who come later: `disable`, `check`
// and people. It lies in the folder of the change.
type Manifest struct {
	SchemaVersion int       `json:"schemaVersion"`
	ID            string    `json:"id"`
	Verb          Verb      `json:"verb"`
	Started       time.Time `json:"started"`
	Deadline      time.Time `json:"deadline"` // when the host undoes it automatically
	Unit          string    `json:"unit"`
	Before        State     `json:"before"`
	After         State     `json:"after"`
	Files         []File    `json:"files"`
	Account       string    `json:"account,omitempty"`       // the user that the change made
	Driver        string    `json:"storageDriver,omitempty"` // that the change pinned
	Running       []string  `json:"running"`
	// Grants are the rights to what containers mount that the change gave.
	Grants   []grant.Grant `json:"grants,omitempty"`
	Restarts bool          `json:"proven"` // the plan restarted the daemon, and proved the change before it was kept
}

// config is the file of the change that is daemon.json: no other one but the tables
// is ever edited.
func (m Manifest) config() File {
	for _, f := range m.Files {
		if !isTable(f) {
			return f
		}
	}
	return File{}
}

// tables are its /etc/subuid and /etc/subgid.
func (m Manifest) tables() []File {
	return slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return !isTable(f) })
}

func isTable(f File) bool { return f.Path == subuidPath || f.Path == subgidPath }

// manifest is written before the change, by the clock of the machine that plans.
func (p Plan) manifest() []byte {
	started, _ := time.Parse("20060102T150405Z", p.ID)
	m := Manifest{
		SchemaVersion: 1, ID: p.ID, Verb: p.Verb, Started: started, Deadline: started.Add(p.Timeout),
		Unit: p.Unit, Before: p.Before, After: p.After, Files: p.Files(), Account: p.Account, Driver: p.Driver, Running: p.Running, Restarts: p.Restarts,
	}
	if p.Rights == giveRights {
		m.Grants = p.Grants.Job.Grants
	}
	text, _ := json.MarshalIndent(m, "", "  ") // of plain values it always succeeds
	return append(text, '\n')
}

// recordable refuses a change whose manifest could not be read again: see [History].
func (p Plan) recordable() error {
	if n := len(p.manifest()); n > host.MaxFile {
		return fmt.Errorf("planning: the list of all containers, images, volumes and networks takes %s, and a change keeps %s at most; remove what is not needed first",
			units.BytesSize(float64(n)), units.BytesSize(host.MaxFile))
	}
	return nil
}
