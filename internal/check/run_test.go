package check

import (
	"bytes"
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func statuses(results []Result) map[string]Status {
	m := map[string]Status{}
	for _, r := range results {
		m[r.ID] = r.Status
	}
	return m
}

// On a sound host every check passes but those that a person must answer.
func TestSound(t *testing.T) {
	for _, r := range Run(sound(), Options{Audits: read(audits())}) {
		if r.Category == Person {
			assert.Equal(t, r.Status, Unknown)
			continue
		}
		assert.Assert(t, r.Status == OK || r.Status == Skipped, "%s: %s: %s", r.ID, r.Status, r.Message)
	}
}

func TestRemapped(t *testing.T) {
	for _, r := range Run(remapped(), Options{}) {
		assert.Assert(t, r.Status == OK || r.Status == Skipped, "%s: %s: %s", r.ID, r.Status, r.Message)
	}
}

// With the daemon down, what only it knows is skipped, and the host is checked.
func TestDaemonDown(t *testing.T) {
	f := sound()
	f.Engine = survey.Read[survey.Engine]{Err: survey.ErrDaemonDown}
	f.Containers = survey.Read[[]survey.Container]{Err: survey.ErrDaemonDown}
	f.Where.Place = survey.PlaceUnknown
	f.Config.Value.Data = []byte("{ // x\n}")
	got := statuses(Run(f, Options{}))
	for id, want := range map[string]Status{
		"daemon-answers": Error, "engine-version": Skipped, "engine-api": Skipped, "impact-volumes": Skipped,
		"config-json": Error, "config-remap": Skipped, "subid-files": OK, "kernel-userns": OK, "service-manager": OK,
	} {
		assert.Equal(t, got[id], want, id)
	}
}

// A host that does not answer is reported once.
func TestHostOutOfReach(t *testing.T) {
	f := unreachable(host.KindSSH)
	f.Kernel.Err, f.Where.Place = errTest, survey.PlaceUnknown
	f.Engine.Err = survey.ErrDaemonDown
	for _, r := range Run(f, Options{Audits: read(audits())}) {
		said := r.ID == "daemon-answers" || r.ID == "host-reachable" || r.Category == Person
		assert.Equal(t, r.Status != Skipped, said, "%s: %s: %s", r.ID, r.Status, r.Message)
	}
}

// A context without its host gets what the API knows, and of the rest that
// it is unknown.
func TestTCP(t *testing.T) {
	f := unreachable(host.KindNone)
	s := sound()
	f.Engine, f.Containers, f.Volumes = s.Engine, s.Containers, s.Volumes
	got := statuses(Run(f, Options{}))
	for id, want := range map[string]Status{
		"daemon-answers": OK, "engine-version": OK, "impact-volumes": OK, "impact-containers": OK,
		"host-access": Unknown, "subid-files": Unknown, "config-json": Unknown, "data-root-path": Unknown, "service-manager": Unknown,
	} {
		assert.Equal(t, got[id], want, id)
	}
}

// A cause hides its consequences, also those of its consequences; what is known
// all the same is said.
func TestNeeds(t *testing.T) {
	says := func(r Result) func(*Input) Result { return func(*Input) Result { return r } }
	checks := []Check{
		{Question: Question{ID: "a"}, Run: says(fail("broken"))},
		{Question: Question{ID: "b"}, Needs: []string{"a"}, Run: says(pass("fine"))},
		{Question: Question{ID: "c"}, Needs: []string{"b"}, Run: says(fail("broken"))},
		{Question: Question{ID: "d"}, Run: says(unsure("who knows"))},
		{Question: Question{ID: "e"}, Needs: []string{"d"}, Run: says(pass("fine"))},
	}
	checks = append(checks,
		Check{Question: Question{ID: "f"}, Needs: []string{"d"}, Run: says(unsure("nobody"))},
		Check{Question: Question{ID: "g"}, Needs: []string{"f"}, Run: says(unsure("nobody"))})
	in := NewInput(sound(), Options{Only: []string{"c", "e", "g"}})
	results := run(checks, in)
	assert.DeepEqual(t, results, []Result{
		{ID: "c", Status: Skipped, Message: "not checked, because a failed", Cause: "a"},
		{ID: "e", Status: OK, Message: "fine"},
		{ID: "g", Status: Unknown, Message: "unknown, because d is unknown", Cause: "d"},
	})
}

func TestReportJSON(t *testing.T) {
	f := sound()
	f.Pending.Value = &survey.Pending{Dir: "/x"}
	r := report.New(f, Run(f, Options{Only: []string{"change-pending", "daemon-answers"}}))
	b, err := json.Marshal(r)
	assert.NilError(t, err)
	assert.Equal(t, string(b), `{"schemaVersion":1,"context":"default","endpoint":"unix:///var/run/docker.sock","host":"local","results":[`+
		`{"id":"daemon-answers","category":"engine","title":"The daemon answers","status":"ok","message":"Docker 28.5.2 at unix:///var/run/docker.sock","fix":[]},`+
		`{"id":"change-pending","category":"engine","title":"No change is under way","status":"error","message":"a change is under way, described in /x; wait for it to end, or undo it now","fix":["sudo sh /x/change.sh undo"]}],`+
		`"summary":{"error":1,"ok":1,"skipped":0,"unknown":0,"warning":0}}`)
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{-1: "size unknown", 0: "0B", 999: "999B", 1000: "1kB", 52.4e6: "52.4MB", 3e9: "3GB", 2e15: "2PB"} {
		assert.Equal(t, size(bytes), want)
	}
}

// Tables of the greatest length that a survey reads are checked, too.
func TestLongTables(t *testing.T) {
	long := func(line string) []byte { return bytes.Repeat([]byte(line), 1<<18/len(line)) }
	f := remapped()
	f.SubUID.Value.Data, f.SubGID.Value.Data = long("999:1:1\n"), long("foo\n")
	got := Run(f, Options{})
	assert.Equal(t, statuses(got)["subid-map"], Error)
	f.SubUID.Value.Data = append(long("alice:165540:1\n"), good...)
	f.SubGID.Value.Data = f.SubUID.Value.Data
	for _, r := range Run(f, Options{}) {
		assert.Assert(t, len(r.Details) <= maxDetails, r.ID)
		assert.Equal(t, r.Status == Error, r.ID == "subid-overlap", "%s: %s", r.ID, r.Message)
	}
}

// A manager leaves its swarm only if it is forced to.
func TestSwarmLeave(t *testing.T) {
	for manager, want := range map[bool]string{false: "docker swarm leave", true: "docker swarm leave --force"} {
		r := one(t, "swarm-inactive", engine(func(e *survey.Engine) { e.Swarm.LocalNodeState, e.Swarm.Manager = "active", manager }))
		assert.DeepEqual(t, r.Fix, []string{want})
	}
}
