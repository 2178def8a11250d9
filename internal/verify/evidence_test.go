package verify

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Who a process is in its container follows from the kernel's map, and is unknown if
// there is none; a container that uses --userns=host has the host's own IDs.
func TestEvidence(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	s := sound()
	other := process(12, 0)
	other.Container, other.HostUserns, other.Map = "old-id", true, idmap.Map{}
	bare := process(13, 100000)
	bare.Map = idmap.Map{}
	s.Chosen = append(s.Chosen, survey.Container{ID: "old-id", Name: "old"}, survey.Container{ID: "gone-id", Name: "gone"})
	s.Processes.Value = append(s.Processes.Value, process(11, 100000), process(9, 101000), process(14, 5), other, bare)
	web := report.Container{Name: "web", Processes: 5, Users: []report.User{
		{Processes: 1, HostUID: 5, HostGID: 5},
		{Processes: 2, UID: id(0), GID: id(0), HostUID: 100000, HostGID: 100000},
		{Processes: 2, UID: id(1000), GID: id(1000), HostUID: 101000, HostGID: 101000},
	}}
	old := report.Container{Name: "old", Processes: 1, Users: []report.User{{Processes: 1, UID: id(0), GID: id(0)}}}
	assert.DeepEqual(t, s.evidence(idmap.Single(100000, 65536), true), []report.Container{web, old})

	s.Processes.Value = []Process{bare}
	assert.DeepEqual(t, s.evidence(idmap.Map{}, false), []report.Container{{Name: "web", Processes: 1, Users: []report.User{{Processes: 1, HostUID: 100000, HostGID: 100000}}}})
}
