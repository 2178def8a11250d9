package remap

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// carriedOver is a host that has carried all over, with the change that did so.
func carriedOver(t *testing.T, containers ...survey.Container) (survey.Facts, Past) {
	t.Helper()
	f := inhabited(containers...)
	p := enable(t, f, nil)
	past := Past{Verdict: Kept, Manifest: Manifest{ID: p.ID, Verb: Enable, Before: p.Before, After: p.After, Running: p.Running, Restarts: true}}
	f.Config.Value.Data = []byte(`{"userns-remap":"dockremap"}`)
	f.Engine.Value.SecurityOptions, f.Engine.Value.DataRoot = []string{"name=userns"}, p.After.DataRoot
	for i := range f.Volumes.Value {
		f.Volumes.Value[i].Mountpoint = p.After.DataRoot + "/volumes/" + f.Volumes.Value[i].Name + "/_data"
	}
	return f, past
}

func TestChooseBack(t *testing.T) {
	everything := Wanted{Images: true, Volumes: true, Networks: true, Containers: true}
	f, past := carriedOver(t, survey.Container{Name: "web", Mounts: volume("data")}, survey.Container{Name: "build", Privileged: true, State: "exited"})
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	all := &carry.Result{Networks: true}
	chosen, err := ChooseBack(f, []Past{past}, all, everything, now)
	assert.NilError(t, err)
	assert.DeepEqual(t, chosen.Job, carry.Job{
		From: "/var/lib/docker/165536.165536", To: "/var/lib/docker/.docker-userns-twin", Place: "/var/lib/docker",
		Aside: "/var/lib/docker/.docker-userns-before-20261126T000000Z", Map: chosen.Job.Map, Back: true, Networks: true, Record: Folder + "/" + past.ID + "/carried",
		Images: []string{imageA, imageB}, Volumes: []string{"data", "cache"}, Known: []string{"nfs"},
		Containers: []carry.Container{{ID: idOf("web")}, {ID: idOf("build"), Stopped: true}},
	})
	assert.Equal(t, chosen.Job.Map.String(), "0:165536:65536")

	for name, change := range map[string]func(f *survey.Facts, p *Past, r **carry.Result){
		"nothing was carried":       func(_ *survey.Facts, _ *Past, r **carry.Result) { *r = nil },
		"networks were not":         func(_ *survey.Facts, _ *Past, r **carry.Result) { *r = &carry.Result{} },
		"undone":                    func(_ *survey.Facts, p *Past, _ **carry.Result) { p.Verdict = Undone },
		"another data root":         func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Value.DataRoot = "/var/lib/docker/1.1" },
		"remap is off":              func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Value.SecurityOptions = nil },
		"the daemon is down":        func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Err = survey.ErrDaemonDown },
		"containerd's store before": func(_ *survey.Facts, p *Past, _ **carry.Result) { p.Before.Containerd = true },
		"part of a swarm":           func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Value.Swarm.LocalNodeState = "active" },
		"another driver":            func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Value.Driver = "vfs" },
		"an unknown engine":         func(f *survey.Facts, _ *Past, _ **carry.Result) { f.Engine.Value.Version = "31.0.0" },
	} {
		f, p, r := f, past, all
		change(&f, &p, &r)
		_, err := ChooseBack(f, []Past{p}, r, everything, now)
		assert.ErrorContains(t, err, "--carry: ", name)
	}
}

// What the other data root has is kept if it was never carried over, or is left out now; what
// was carried over and is gone is not.
func TestPlanBack(t *testing.T) {
	const imageC, imageD = "sha256:cc", "sha256:dd"
	f, past := carriedOver(t, survey.Container{Name: "web", Mounts: volume("data")}, survey.Container{Name: "build", Privileged: true, State: "exited"},
		survey.Container{Name: "made"}, survey.Container{Name: "left"})
	past.Running = []string{idOf("web"), idOf("build"), idOf("never")}
	past.Before.Containers = []Object{{ID: idOf("never"), Name: "never"}}
	past.Before.Images = []Object{{ID: imageC, Name: "never:1"}}
	plan := func(there carry.Inventory) (*Carry, error) {
		chosen, err := ChooseBack(f, []Past{past}, &carry.Result{
			Networks: true, Images: []string{imageA, imageD}, Volumes: []string{"data", "removed"}, Containers: []string{idOf("web"), idOf("build"), idOf("left"), idOf("removed")},
		}, Wanted{Images: true, Volumes: true, Networks: true, Containers: true, Exclude: []Exclusion{{survey.KindContainer, "left"}}}, time.Now())
		assert.NilError(t, err)
		return PlanCarry(f, chosen, carry.Measured{There: &there, Free: carry.Size{Bytes: 1 << 40, Files: -1}})
	}
	there := carry.Inventory{
		Images: []string{imageA, imageB, imageC, imageD}, Volumes: []string{"data", "removed", "never"},
		Containers: []carry.Named{{ID: idOf("web"), Name: "web"}, {ID: idOf("removed"), Name: "removed"}, {ID: idOf("never"), Name: "never"}, {ID: idOf("left"), Name: "left"}},
	}
	c, err := plan(there)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.Job.Kept, carry.Kept{
		Images: []string{imageC}, Names: []string{imageB, imageC}, Volumes: []string{"never"}, Containers: []string{idOf("never"), idOf("left")},
	})
	names := func(all []Object) (names []string) {
		for _, o := range all {
			names = append(names, o.Name)
		}
		return names
	}
	assert.DeepEqual(t, names(c.Ran), []string{"web", "made"})
	assert.DeepEqual(t, names(c.Again), []string{"build", "never"})
	p, err := PlanDisable(f, []Past{past}, DisableOptions{Carry: c, Timeout: time.Minute, Now: time.Now()})
	assert.NilError(t, err)
	assert.Equal(t, p.Steps[0].Name, "copy")
	assert.DeepEqual(t, names(p.After.Containers), []string{"never", "web", "build", "made"})
	assert.DeepEqual(t, names(p.After.Images)[:1], []string{"never:1"})
	assert.DeepEqual(t, names(p.Ran), []string{"web", "made", "build", "never"})
	assert.Assert(t, p.Aside == c.Job.Aside && p.Twin == c.Job.To && p.NewRoot == "/var/lib/docker")

	for changed, want := range map[string]string{"data": "volume:data", idOf("web"): "container:web"} {
		there := there
		there.Changed = []string{changed}
		_, err = plan(there)
		assert.ErrorContains(t, err, "--exclude '"+want+"'")
	}
	there.Changed = []string{"never", idOf("never")}
	_, err = plan(there)
	assert.NilError(t, err, "they are kept")
	there.Changed = []string{"removed", idOf("removed")}
	c, err = plan(there)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.Job.Kept.Volumes, []string{"removed", "never"})
	assert.DeepEqual(t, c.Job.Kept.Containers, []string{idOf("removed"), idOf("never"), idOf("left")})

	there.Volumes = append(there.Volumes, "cache")
	there.Containers = append(there.Containers, carry.Named{ID: idOf("other"), Name: "made"})
	_, err = plan(there)
	assert.ErrorContains(t, err, "--exclude 'volume:cache' --exclude 'container:made'")
}
