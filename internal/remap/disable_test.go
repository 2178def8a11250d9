package remap

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// Whatever daemon.json looks like, disable gives its exact bytes back.
func TestThereAndBack(t *testing.T) {
	for _, before := range []string{
		"{}", "{}\n", "{\n}\n", "{ }", "{\"a\":1}", "{\n\t\"a\": 1\n}", "{\r\n  \"a\": 1\r\n}\r\n", "{\n  \"a\": 12345678901234567890,\n  \"b\": {\"c\": [1, 2]}\n}\n\n", "",
	} {
		t.Run(before, func(t *testing.T) {
			f := plain()
			f.Config.Value.Data = []byte(before)
			p := enable(t, f, func(o *EnableOptions) { o.Driver = "overlay2" })
			on, past := carriedOut(f, p)
			past.Config, past.HaveConfig = []byte(before), true
			back, err := PlanDisable(on, []Past{past}, DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour)})
			assert.NilError(t, err)
			acts := step(t, back, "config").Acts
			assert.Equal(t, written(acts[len(acts)-1]), before)
			was := p.Before
			assert.DeepEqual(t, back.After, State{DataRoot: "/var/lib/docker", Containers: was.Containers, Images: was.Images, Volumes: was.Volumes, Networks: was.Networks})
		})
	}
	t.Run("no file", func(t *testing.T) {
		f := missingConfig(plain())
		on, past := carriedOut(f, enable(t, f, nil))
		back, err := PlanDisable(on, []Past{past}, DisableOptions{Timeout: time.Minute, Now: now})
		assert.NilError(t, err)
		assert.DeepEqual(t, commands(step(t, back, "config"))[1:], []string{"rm -f -- /etc/docker/daemon.json"})
		assert.Equal(t, back.Config.After, "")
		assert.Equal(t, back.ID, id(now.Add(time.Second)), "enable was called in this second")
	})
}

// Where somebody else has changed daemon.json, our keys alone go.
func TestDisableKeepsWhatOthersWrote(t *testing.T) {
	for _, tc := range []struct{ before, now, want string }{
		{`{"a":1}`, `{"a":1,"userns-remap":"dockremap","b":2}`, `{"a":1,"b":2}`},
		{``, `{"userns-remap":"dockremap","b":2}`, `{"b":2}`},
		{`{"a":1}`, `{"userns-remap":"dockremap"}`, `{}`},
	} {
		f := plain()
		f.Config.Value.Data = []byte(tc.before)
		on, past := carriedOut(f, enable(t, f, nil))
		past.Config, past.HaveConfig = []byte(tc.before), true
		on.Config.Value.Data = []byte(tc.now)
		back, err := PlanDisable(on, []Past{past}, DisableOptions{Timeout: time.Minute, Now: now})
		assert.NilError(t, err)
		assert.Equal(t, written(step(t, back, "config").Acts[1]), tc.want)
	}
}

func TestPlanDisable(t *testing.T) {
	on, past := carriedOut(plain(), enable(t, plain(), nil))
	past.Config, past.HaveConfig = plain().Config.Value.Data, true
	o := DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour)}

	t.Run("turned on by hand", func(t *testing.T) {
		p, err := PlanDisable(on, nil, o)
		assert.NilError(t, err)
		assert.DeepEqual(t, names(p), []string{"arm", "validate", "config", "restart", "prove", "keep"})
		assert.Equal(t, written(step(t, p, "config").Acts[1]), "{\n  \"log-driver\": \"local\"\n}\n")
		assert.Equal(t, p.After.DataRoot, "/var/lib/docker")
	})
	t.Run("what ran before is started before the proof", func(t *testing.T) {
		past := past
		past.Running = []string{"c1"}
		p, err := PlanDisable(on, []Past{past}, o)
		assert.NilError(t, err)
		assert.DeepEqual(t, names(p), []string{"arm", "validate", "config", "restart", "start", "prove", "keep"})
		assert.DeepEqual(t, p.Ran, []Object{{ID: "c1", Name: "web"}})
		for _, no := range []DisableOptions{{NoStart: true, Now: o.Now}, {NoRestart: true, Now: o.Now}} {
			p, err := PlanDisable(on, []Past{past}, no)
			assert.NilError(t, err)
			assert.Assert(t, !slices.Contains(names(p), "start"), "%v", names(p))
		}
	})
	t.Run("what the other data root has is known", func(t *testing.T) {
		p, err := PlanDisable(on, []Past{past}, o)
		assert.NilError(t, err)
		assert.Assert(t, p.Recorded)
		assert.DeepEqual(t, p.After.Volumes, []Object{{ID: "data", Name: "data", UsedBy: []string{"web"}}})
		assert.DeepEqual(t, p.After.Networks, []Object{{ID: "n1", Name: "front"}})
	})
	t.Run("with user and ranges", func(t *testing.T) {
		o := o
		o.Forget = true
		p, err := PlanDisable(on, []Past{past}, o)
		assert.NilError(t, err)
		assert.DeepEqual(t, commands(step(t, p, "forget")), []string{
			"sh /var/lib/docker-userns/20261122T210203Z/change.sh drop /etc/subuid dockremap:165536:65536",
			"sh /var/lib/docker-userns/20261122T210203Z/change.sh drop /etc/subgid dockremap:165536:65536",
			"sh /var/lib/docker-userns/20261122T210203Z/change.sh forget",
		})
		assert.Equal(t, p.Steps[len(p.Steps)-1].Name, "forget") // once the change stays
	})
	t.Run("an account of that name that is somebody else's by now", func(t *testing.T) {
		o := o
		o.Forget = true
		for name, edit := range map[string]func(user, group *survey.Entry, past *Past){
			"recreated":           func(u, _ *survey.Entry, _ *Past) { u.ID, u.Comment, u.Home, u.Shell = 1500, "", "/home/d", "/bin/sh" },
			"recreated as it was": func(u, _ *survey.Entry, _ *Past) { u.Comment = "" },
			"with a home":         func(u, _ *survey.Entry, _ *Past) { u.Home = "/home/d" },
			"with a shell":        func(u, _ *survey.Entry, _ *Past) { u.Shell = "/bin/sh" },
			"in another group":    func(u, _ *survey.Entry, _ *Past) { u.GID = 1500 },
			"with a member":       func(_, g *survey.Entry, _ *Past) { g.Members = []string{"alice"} },
			"with another group":  func(_, g *survey.Entry, _ *Past) { g.ID = 1500 },
			"not recorded":        func(_, _ *survey.Entry, p *Past) { p.Made = Created{} },
		} {
			f, past := carriedOut(plain(), enable(t, plain(), nil))
			users, groups := f.Accounts.Value.Users, f.Accounts.Value.Groups
			edit(&users[len(users)-1], &groups[len(groups)-1], &past)
			p, err := PlanDisable(f, []Past{past}, o)
			assert.NilError(t, err)
			assert.Check(t, !slices.Contains(names(p), "forget"), name)
			assert.DeepEqual(t, p.NotRemoved, []string{"The user dockremap is kept, with its subordinate IDs: it was changed since change 20261122T210203Z created it"})
		}
	})
	t.Run("a daemon.json that somebody made since", func(t *testing.T) {
		missing := missingConfig(plain())
		f, past := carriedOut(missing, enable(t, missing, nil))
		off := Past{Manifest: Manifest{ID: "20261122T220000Z", Verb: Disable, Files: past.Files}, Verdict: Kept}
		acts := func(changes ...Past) []Act {
			p, err := PlanDisable(f, changes, o)
			assert.NilError(t, err)
			return step(t, p, "config").Acts
		}
		assert.Equal(t, acts(past)[1].(command).args[0], "rm", "this change made it, and nobody has edited it")
		assert.Equal(t, written(acts(off, past)[1]), "{\n}\n", "it was recreated, with the same text")
		f.Config.Value.Data = []byte(`{ "userns-remap": "dockremap" }`)
		assert.Equal(t, written(acts(off, past)[1]), "{ }")
		assert.Equal(t, written(acts(past)[1]), "{ }", "somebody has edited it")
	})
	t.Run("the daemon is down for another reason", func(t *testing.T) {
		f := plain()
		f.Engine = survey.Read[survey.Engine]{Err: survey.ErrDaemonDown}
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Equal(t, len(p.Steps), 0)
		reclaim := o
		reclaim.Reclaim = []Tree{{Path: "/var/lib/docker/1.1"}}
		_, err = PlanDisable(f, []Past{past}, reclaim)
		assert.ErrorContains(t, err, "the daemon is down")
		f.Storage = survey.Read[survey.Storage]{}
		p, err = PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Equal(t, p.After.DataRoot, "")
	})
	t.Run("off already", func(t *testing.T) {
		p, err := PlanDisable(plain(), nil, o)
		assert.NilError(t, err)
		assert.Equal(t, len(p.Steps), 0)
	})
	t.Run("set, and not in force", func(t *testing.T) {
		f := plain()
		f.Config.Value.Data = []byte(`{"userns-remap":"dockremap"}`)
		p, err := PlanDisable(f, nil, o)
		assert.NilError(t, err)
		assert.DeepEqual(t, names(p), []string{"arm", "validate", "config", "keep"})
		assert.Equal(t, p.Restart, "")
	})
	t.Run("the daemon is down", func(t *testing.T) {
		f := on
		f.Engine = survey.Read[survey.Engine]{Err: survey.ErrDaemonDown}
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.DeepEqual(t, names(p), []string{"arm", "config", "restart", "prove", "keep"})
		assert.Equal(t, p.After.DataRoot, "/var/lib/docker")
	})
	t.Run("enable was called twice before the restart", func(t *testing.T) {
		twice := past
		twice.Config = on.Config.Value.Data
		twice.Files = slices.Clone(past.Files)
		twice.Files[0].Before, twice.Files[0].After = sum(on.Config.Value.Data), sum(on.Config.Value.Data)
		p, err := PlanDisable(on, []Past{twice, past}, o)
		assert.NilError(t, err)
		acts := step(t, p, "config").Acts
		assert.Equal(t, written(acts[len(acts)-1]), string(past.Config))
	})
	t.Run("what enable saw long ago is not asked for", func(t *testing.T) {
		off := Past{Manifest: Manifest{ID: "20261122T220000Z", Verb: Disable, Files: past.Files}, Verdict: Kept}
		p, err := PlanDisable(on, []Past{off, past}, o)
		assert.NilError(t, err)
		assert.Equal(t, len(p.After.Containers), 0)
	})
	t.Run("an earlier enable made the user", func(t *testing.T) {
		o := o
		o.Forget = true
		later := past
		later.Account, later.Files = "", slices.Clone(past.Files)
		later.ID = "20261122T220000Z"
		for i := range later.Files[1:] {
			later.Files[i+1].Added = ""
		}
		p, err := PlanDisable(on, []Past{later, past}, o)
		assert.NilError(t, err)
		assert.Equal(t, len(commands(step(t, p, "forget"))), 3)
	})
	t.Run("nothing restarts the daemon", func(t *testing.T) {
		f, o := on, o
		f.Unit = read(survey.Unit{Manager: survey.OpenRC, Name: "docker"})
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Equal(t, p.Restart, "sudo rc-service docker restart")
		o.Reclaim = []Tree{{Path: "/var/lib/docker/1.1"}}
		_, err = PlanDisable(f, []Past{past}, o)
		assert.ErrorContains(t, err, "rc-service docker restart")
		o.Forget, o.Reclaim = true, nil
		_, err = PlanDisable(f, []Past{past}, o)
		assert.ErrorContains(t, err, "rc-service docker restart")
	})
	t.Run("back to a time", func(t *testing.T) {
		o := o
		o.To = past.ID
		f := on
		f.Config.Value.Data = []byte(`{"userns-remap":"dockremap","mtu":1400}`)
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Equal(t, written(step(t, p, "config").Acts[1]), string(past.Config))
		o.To = "20200101T000000Z"
		_, err = PlanDisable(f, []Past{past}, o)
		assert.ErrorContains(t, err, "no such change; list them with: docker userns disable --list")
	})
	t.Run("daemon.json by another path", func(t *testing.T) {
		f, past := on, past
		f.Config.Value.Path, f.Config.Value.Real = "/etc/docker/daemon.json", "/srv/docker/daemon.json"
		past.Files = slices.Clone(past.Files)
		past.Files[0].Path = "/srv//docker/daemon.json"
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Check(t, strings.HasPrefix(step(t, p, "config").Title, "Restore "), step(t, p, "config").Title)
		past.Files[0].Path = "/srv/other/daemon.json"
		p, err = PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Check(t, strings.HasPrefix(step(t, p, "config").Title, "Remove "), step(t, p, "config").Title)
	})
	t.Run("a process that is not believed", func(t *testing.T) {
		f := on
		f.Daemon.Value.Doubt = "it runs as UID 1000"
		p, err := PlanDisable(f, []Past{past}, o)
		assert.ErrorContains(t, err, "it runs as UID 1000")
		assert.Equal(t, len(p.Steps), 0)
	})
	t.Run("a flag", func(t *testing.T) {
		f := on
		f.Start.Value.Args = append(slices.Clone(f.Start.Value.Args), "--userns-remap=dockremap")
		f.Unit.Value.Files = []survey.TextFile{
			text("/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/sbin/dockerd $DOCKER_OPTS\n"),
			text("/etc/default/docker", "# DOCKER_OPTS=--userns-remap=dockremap\nDOCKER_OPTS=\"-D --userns-remap=dockremap\"\n"),
		}
		_, err := PlanDisable(f, nil, o)
		assert.ErrorContains(t, err, "--userns-remap=dockremap (/etc/default/docker, line 2)")
	})
	t.Run("taken out, and not restarted", func(t *testing.T) {
		f := on
		f.Config.Value.Data = []byte(`{}`)
		_, err := PlanDisable(f, nil, o)
		assert.ErrorContains(t, err, "systemctl restart docker.service")
	})
}
