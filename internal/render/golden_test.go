package render

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/survey/surveytest"
	"github.com/docker-userns/docker-userns/internal/verify"
	"github.com/prometheus/common/expfmt"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// The golden files of these tests are what the README and the reference show. They come
// from facts, without a host, and say what the verbs print on a terminal of 100 columns.

var screen = Style{utf8: true, width: 100}

// shop is a host with a shop in two containers, and remap off.
func shop() survey.Facts {
	f := surveytest.Sound()
	f.Endpoint, f.HostKind, f.Context, f.Docker = "ssh://root@db1", host.KindSSH, "prod", []string{"docker", "--context", "prod"}
	f.Containers.Value = []survey.Container{
		{
			ID: "c1", Name: "web", Image: "nginx:1.29", ImageID: "sha256:1", State: "running", PID: 4711, NetworkMode: "shop",
			Mounts: []survey.Mount{{Type: "bind", Source: "/srv/uploads", Destination: "/uploads", Writable: true}},
		},
		{
			ID: "c2", Name: "db", Image: "postgres:18", ImageID: "sha256:2", State: "running", PID: 4712, NetworkMode: "shop",
			Mounts: []survey.Mount{{Type: "volume", Name: "shop-db", Destination: "/var/lib/postgresql"}},
		},
	}
	f.Containers.Value[0].Identity.Value = survey.Account{UID: 101, GID: 101}
	f.Paths.Value["/srv/uploads"] = survey.Path{
		Real: "/srv/uploads", Parents: surveytest.Dirs("/", 0o755, "/srv", 0o755),
		Stat: host.Stat{Mode: fs.ModeDir | 0o755, UID: 101, GID: 101}, Inside: &survey.Inside{Kinds: []grant.Kind{{Mode: 0o644, UID: 101, GID: 101}}},
	}
	f.Volumes.Value = []survey.Volume{{Name: "shop-db", Driver: "local", Size: 3.4e9, Containers: 1, Mountpoint: "/var/lib/docker/volumes/shop-db/_data"}}
	f.Networks.Value = []survey.Network{{ID: "n1", Name: "shop", Driver: "bridge", Containers: []string{"db", "web"}}}
	f.Images.Value = []survey.Image{{ID: "sha256:1", Tags: []string{"nginx:1.29"}, Size: 192e6}, {ID: "sha256:2", Tags: []string{"postgres:18"}, Size: 438e6}}
	f.Engine.Value.ImageCount, f.Engine.Value.Running = 2, 2
	return f
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	assert.NilError(t, err)
	return string(text) + "\n"
}

func mappable(ids ...string) (all []audit.Report) {
	for _, id := range ids {
		all = append(all, audit.Report{ID: id, Verdict: audit.Mappable, Startable: true})
	}
	return all
}

func checked(f survey.Facts) report.Report {
	return report.New(f, check.Run(f, check.Options{Audits: survey.Read[[]audit.Report]{Value: mappable("sha256:1", "sha256:2")}}))
}

func shown(r report.Report, verbose bool) string {
	t := resultTable{style: screen, verbose: verbose}
	t.report(r)
	return t.b.String()
}

func enablePlan(t *testing.T, f survey.Facts) remap.Plan {
	t.Helper()
	p, err := remap.PlanEnable(f, remap.EnableOptions{User: "dockremap", Timeout: 5 * time.Minute, Now: time.Date(2026, 11, 22, 21, 2, 3, 0, time.UTC)})
	assert.NilError(t, err)
	return p
}

// carryOf is what a plan carries, on a host that was measured.
func carryOf(t *testing.T, f survey.Facts, p remap.Plan) *remap.Carry {
	t.Helper()
	chosen, err := remap.ChooseCarried(f, p, remap.Wanted{
		Images: true, Volumes: true, Networks: true, Containers: true, Refused: map[string]string{"sha256:1": "a remapped engine refuses it: srv/app/x of 1516583083:0 in layer 3"},
	})
	assert.NilError(t, err)
	c, err := remap.PlanCarry(f, chosen, carry.Measured{
		Images: map[string]carry.Size{"sha256:2": {Bytes: 436e6, Files: 14210}}, Volumes: map[string]carry.Size{"shop-db": {Bytes: 34e8, Files: 1290}},
		Containers: map[string]carry.Size{"c2": {Bytes: 120e3, Files: 25}},
		All:        carry.Size{Bytes: 3836e6, Files: 15500}, Free: carry.Size{Bytes: 52e9, Files: 3112000}, Speed: carry.Size{Bytes: 210e6, Files: 9000},
	})
	assert.NilError(t, err)
	return c
}

// carryBackOf is what goes back of the host, on which an image and a container were left out
// at first.
func carryBackOf(t *testing.T, p remap.Plan) *remap.Carry {
	t.Helper()
	f := on(p)
	f.Containers.Value[0].ImageID = f.Images.Value[0].ID
	past := remap.Past{Verdict: remap.Kept, Manifest: remap.Manifest{ID: p.ID, Verb: p.Verb, Before: p.Before, After: p.After, Running: p.Running}}
	chosen, err := remap.ChooseBack(f, []remap.Past{past}, &carry.Result{Networks: true, Images: []string{"sha256:1"}, Containers: []string{"c1"}},
		remap.Wanted{Images: true, Volumes: true, Networks: true, Containers: true}, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	assert.NilError(t, err)
	c, err := remap.PlanCarry(f, chosen, carry.Measured{
		Images: map[string]carry.Size{"sha256:1": {}}, Containers: map[string]carry.Size{"c1": {Bytes: 48e6, Files: 212}},
		All: carry.Size{Bytes: 48e6, Files: 212}, Free: carry.Size{Bytes: 48e9, Files: 3098000}, Speed: carry.Size{Bytes: 210e6, Files: 9000},
		There: &carry.Inventory{Images: []string{"sha256:1", "sha256:2"}, Volumes: []string{"shop-db"}, Containers: []carry.Named{{ID: "c1", Name: "web"}, {ID: "c2", Name: "db"}}},
	})
	assert.NilError(t, err)
	return c
}

// told is what is printed of some steps of a change that go well.
func told(c Change, steps []remap.Step) string {
	took := map[string]time.Duration{"restart": 12400 * time.Millisecond, "prove": 13100 * time.Millisecond}
	var b strings.Builder
	for i, s := range steps {
		b.WriteString(c.Step(i+1, s) + c.Took(took[s.Name]))
	}
	return b.String()
}

func changeOf(p remap.Plan) Change {
	return Change{Plan: p, On: "db1", Docker: func(words ...string) string {
		return strings.Join(append([]string{"docker", "--context", "prod"}, words...), " ")
	}}
}

// TestScreens holds what each verb prints to its golden file.
func TestScreens(t *testing.T) {
	f := shop()
	p := enablePlan(t, f)
	for file, text := range map[string]func(t *testing.T) string{
		"check":         func(*testing.T) string { return shown(checked(f), false) },
		"check-verbose": func(*testing.T) string { return shown(checked(f), true) },
		"check-down":    func(*testing.T) string { return shown(checked(down()), false) },
		"enable-plan": func(*testing.T) string {
			return shown(Notable(checked(f)), false) + EnablePlan(f, p, remap.Sides{}, screen)
		},
		"enable-carry":  func(t *testing.T) string { return carried(carryOf(t, f, p), screen) },
		"enable-run":    func(*testing.T) string { return told(changeOf(p), p.Steps) + changeOf(p).Enabled("") },
		"enable-undone": func(*testing.T) string { return undone(changeOf(p)) },
		"verify":        func(*testing.T) string { return shown(verified(p), false) },
		"metrics":       func(t *testing.T) string { return metricsOf(t, verified(p)) },
		"verify-json":   func(t *testing.T) string { return jsonOf(t, verified(p).Containers) },
		"enable-json":   func(t *testing.T) string { return objects(t, p) },
		"objects":       func(t *testing.T) string { return allObjects(t, f, p) },
		"disable-plan":  func(t *testing.T) string { return Leaving{Facts: on(p), Plan: disablePlan(t, p, nil)}.Text(screen) },
		"disable-carry": func(t *testing.T) string {
			return Leaving{Facts: on(p), Plan: disablePlan(t, p, carryBackOf(t, p))}.Text(screen)
		},
		"disable-run": func(t *testing.T) string {
			c := changeOf(disablePlan(t, p, nil))
			return told(c, c.Plan.Steps) + c.Disabled()
		},
	} {
		t.Run(file, func(t *testing.T) { golden.Assert(t, text(t), file+".golden") })
	}
}

// metricsOf are metrics that a scraper can read.
func metricsOf(t *testing.T, r report.Report) string {
	t.Helper()
	var b strings.Builder
	assert.NilError(t, Metrics(&b, "verify", r, time.UnixMilli(1795740000250)))
	var p expfmt.TextParser
	families, err := p.TextToMetricFamilies(strings.NewReader(b.String()))
	assert.NilError(t, err)
	assert.Equal(t, len(families["docker_userns_result"].Metric), len(r.Results))
	return b.String()
}

// What a context is called cannot make a series of its own.
func TestMetricsOfHostileNames(t *testing.T) {
	for _, name := range []string{"a\"} 1\ndocker_userns_result{id=\"x", "\\", "\x1b[2J", "\xff"} {
		text := metricsOf(t, report.New(survey.Facts{Context: name}, []report.Result{report.Pass("fine")}))
		assert.Equal(t, strings.Count(text, "\n"), 1+5+1+3*2+1, text)
	}
}

// down is the host with a daemon that does not answer.
func down() survey.Facts {
	f := shop()
	err := survey.ErrDaemonDown
	f.Engine, f.Containers.Err, f.Images.Err, f.Volumes.Err, f.Networks.Err, f.Plugins.Err = survey.Read[survey.Engine]{Err: err}, err, err, err, err, err
	f.Unit.Value.Active, f.Unit.Value.Result = "failed", "exit-code"
	return f
}

// undone is what is printed of a change whose proof fails.
func undone(c Change) string {
	proof := len(c.Plan.Steps) - 2
	why := errors.New("prove: asking http://localhost:8080/health: dialing localhost:8080 on db1: nothing listens there, or sshd forbids it (AllowTcpForwarding in sshd_config)")
	return told(c, c.Plan.Steps[:proof]) + c.Step(proof+1, c.Plan.Steps[proof]) + c.Undoing(why) + c.RolledBack(nil)
}

// on is the host once remap was turned on, with the web server recreated.
func on(p remap.Plan) survey.Facts {
	f := shop()
	f.Engine.Value.SecurityOptions = append(f.Engine.Value.SecurityOptions, "name=userns")
	f.Engine.Value.DataRoot = p.After.DataRoot
	f.Config.Value.Data = []byte("{\n  \"log-driver\": \"local\",\n  \"userns-remap\": \"dockremap\"\n}\n")
	surveytest.WithAccount(&f, "dockremap:165536:65536\n")
	owner := host.Stat{Mode: fs.ModeDir | 0o710, GID: 165536}
	f.Storage.Value.Path.Stat = owner
	f.Storage.Value.Trees = []survey.Tree{{Name: "165536.165536", UID: 165536, GID: 165536, Images: 7, InUse: true, Stat: owner}}
	f.Containers.Value = f.Containers.Value[:1]
	f.Images.Value, f.Volumes.Value = f.Images.Value[:1], nil
	return f
}

func verified(p remap.Plan) report.Report {
	m := idmap.Single(165536, 65536)
	f := on(p)
	f.Paths.Value["/srv/uploads"] = survey.Path{Real: "/srv/uploads", Parents: surveytest.Dirs("/", 0o755, "/srv", 0o755), Stat: host.Stat{Mode: fs.ModeDir | 0o755, UID: 165637, GID: 165637}}
	s := verify.Seen{Facts: f, Chosen: f.Containers.Value}
	for pid, id := range map[int]int64{4711: 165536, 4750: 165637, 4751: 165637} {
		ids := verify.IDs{TID: pid, UID: [4]int64{id, id, id, id}, GID: [4]int64{id, id, id, id}}
		s.Processes.Value = append(s.Processes.Value, verify.Process{PID: pid, Name: "nginx", Container: "c1", Count: 1, Map: m, Threads: []verify.IDs{ids}})
	}
	s.Before.Value = &survey.Record{Change: p.ID, DataRoot: p.After.DataRoot, Objects: []survey.RecordedObject{
		{Kind: survey.KindContainer, Name: "web", Ran: true}, {Kind: survey.KindContainer, Name: "db", Ran: true},
		{Kind: survey.KindVolume, Name: "shop-db", UsedBy: []string{"db"}}, {Kind: survey.KindNetwork, Name: "shop"},
		{Kind: survey.KindImage, Name: "nginx:1.29"}, {Kind: survey.KindImage, Name: "postgres:18"},
	}}
	return s.Report(verify.Options{}, verify.Answer(s, verify.Options{}))
}

func disablePlan(t *testing.T, p remap.Plan, c *remap.Carry) remap.Plan {
	t.Helper()
	past := remap.Past{Verdict: remap.Kept, HaveConfig: true, Config: shop().Config.Value.Data, Manifest: remap.Manifest{
		ID: p.ID, Verb: p.Verb, Unit: p.Unit, Before: p.Before, After: p.After, Files: p.Files(), Account: p.Account, Running: p.Running, Restarts: p.Restarts,
	}}
	d, err := remap.PlanDisable(on(p), []remap.Past{past}, remap.DisableOptions{Carry: c, Timeout: 5 * time.Minute, Now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)})
	assert.NilError(t, err)
	return d
}
