package remap

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func enable(t *testing.T, f survey.Facts, change func(*EnableOptions)) Plan {
	t.Helper()
	o := EnableOptions{Timeout: 5 * time.Minute, Now: now}
	if change != nil {
		change(&o)
	}
	p, err := PlanEnable(f, o)
	assert.NilError(t, err)
	return p
}

func names(p Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Name)
	}
	return out
}

func step(t *testing.T, p Plan, name string) Step {
	t.Helper()
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == name })
	assert.Assert(t, i >= 0, "no step %s in %v", name, names(p))
	return p.Steps[i]
}

func (c command) line() string { return strings.Join(c.args, " ") }

// written is what an act writes into a file.
func written(a Act) string { return string(a.(write).file.Data) }

// commands are the command lines of a step.
func commands(s Step) []string {
	var out []string
	for _, a := range s.Acts {
		if c, ok := a.(interface{ line() string }); ok {
			out = append(out, c.line())
		}
	}
	return out
}

func TestPlanEnable(t *testing.T) {
	p := enable(t, plain(), nil)
	assert.DeepEqual(t, names(p), []string{"arm", "account", "ranges", "validate", "config", "restart", "prove", "keep"})
	assert.Equal(t, p.ID, "20261122T210203Z")
	assert.Equal(t, p.Dir(), "/var/lib/docker-userns/20261122T210203Z")
	assert.DeepEqual(t, p.After, State{Remapped: true, DataRoot: "/var/lib/docker/165536.165536", Map: idmap.Single(165536, 65536)})
	assert.DeepEqual(t, p.Running, []string{"c1"}) // not once, which is gone when it stops
	assert.Equal(t, p.Account, "dockremap")
	assert.DeepEqual(t, commands(step(t, p, "ranges")), []string{"/usr/sbin/usermod --add-subuids 165536-231071 --add-subgids 165536-231071 dockremap"})
	assert.DeepEqual(t, commands(step(t, p, "validate")), []string{
		"/usr/sbin/dockerd --validate --config-file /var/lib/docker-userns/20261122T210203Z/daemon.json -H fd://"})
	assert.Equal(t, step(t, p, "config").Diff, `--- /etc/docker/daemon.json
+++ /etc/docker/daemon.json
@@ -1,3 +1,4 @@
 {
-  "log-driver": "local"
+  "log-driver": "local",
+  "userns-remap": "dockremap"
 }
`)
	assert.Equal(t, p.Config.Added, ",\n  \"userns-remap\": \"dockremap\"")
	assert.Equal(t, p.Tables[0].Added, "dockremap:165536:65536\n")
	assert.Equal(t, p.Tables[0].After, sum([]byte("alice:100000:65536\ndockremap:165536:65536\n")))
}

func TestPlanEnableVariants(t *testing.T) {
	for _, tc := range []struct {
		name   string
		facts  func(*survey.Facts)
		option func(*EnableOptions)
		steps  string
		check  func(t *testing.T, p Plan)
	}{
		{"the account and its ranges are there", func(f *survey.Facts) { withAccount(f, "dockremap:300000:65536\n") }, nil,
			"arm validate config restart prove keep", func(t *testing.T, p Plan) {
				assert.Equal(t, p.After.DataRoot, "/var/lib/docker/300000.300000")
				assert.Equal(t, p.Account, "")
				assert.Equal(t, p.Tables[0].After, p.Tables[0].Before)
			}},
		{"the account is there, without ranges", func(f *survey.Facts) { withAccount(f, "") }, nil,
			"arm ranges validate config restart prove keep", nil},
		{"20.10 cannot validate", func(f *survey.Facts) { f.Engine.Value.Version = "20.10.24+dfsg1" }, nil,
			"arm account ranges config restart prove keep", nil},
		{"the restart is left to a person", nil, func(o *EnableOptions) { o.NoRestart = true },
			"arm account ranges validate config keep", func(t *testing.T, p Plan) {
				assert.Equal(t, p.Restart, "sudo systemctl restart docker.service")
			}},
		{"OpenRC", func(f *survey.Facts) { f.Unit = read(survey.Unit{Manager: survey.OpenRC, Name: "docker"}) }, nil,
			"arm account ranges validate config keep", func(t *testing.T, p Plan) {
				assert.Equal(t, p.Restart, "sudo rc-service docker restart")
				assert.Equal(t, p.Unit, "")
			}},
		{"a range that was asked for", nil, func(o *EnableOptions) { o.Range = idmap.Range{Start: 500000, Size: 70000} },
			"arm account ranges validate config restart prove keep", func(t *testing.T, p Plan) {
				assert.Equal(t, p.Tables[1].Added, "dockremap:500000:70000\n")
			}},
		{"seven users have ranges", func(f *survey.Facts) {
			var lines string
			for i := range 7 {
				lines += fmt.Sprintf("user%d:%d:65536\n", i, 100000+i*65536)
			}
			f.SubUID.Value.Data, f.SubGID.Value.Data = []byte(lines), []byte(lines)
		}, nil, "arm account ranges validate config restart prove keep", func(t *testing.T, p Plan) {
			assert.Equal(t, p.Tables[0].Added, "dockremap:558752:65536\n")
			assert.Equal(t, step(t, p, "ranges").Title, "Give dockremap the subordinate IDs 558752-624287 (100000-524287 has no 65536 IDs in a row that are free, and systemd-nspawn may pick these for a container of its own)")
		}},
		{"busybox", func(f *survey.Facts) {
			f.Tools = read(survey.Tools{"adduser": "/usr/sbin/adduser"})
			f.SubUID.Err, f.SubUID.Value.Data = errNotThere, nil
		}, nil, "arm account ranges validate config restart prove keep", func(t *testing.T, p Plan) {
			assert.Assert(t, strings.HasSuffix(commands(step(t, p, "ranges"))[0], "change.sh add /etc/subuid dockremap:165536:65536"))
			assert.Equal(t, p.Tables[0].Existed, false)
			assert.Equal(t, p.Tables[0].Before, "")
		}},
		{"the driver is pinned", nil, func(o *EnableOptions) { o.Driver = "overlay2" },
			"arm account ranges validate config restart prove keep", func(t *testing.T, p Plan) {
				assert.Assert(t, strings.Contains(step(t, p, "config").Diff, `+  "storage-driver": "overlay2"`))
				assert.Equal(t, p.Driver, "overlay2")
			}},
		{"the driver is pinned already", func(f *survey.Facts) { f.Config.Value.Data = []byte(`{"storage-driver": "overlay2"}`) },
			func(o *EnableOptions) { o.Driver = "overlay2" }, "arm account ranges validate config restart prove keep", func(t *testing.T, p Plan) {
				assert.Equal(t, p.Driver, "") // it is not ours to take out again
			}},
		{"an account whose group has another name", func(f *survey.Facts) {
			a := &f.Accounts.Value
			a.Users = append(a.Users, survey.Entry{Name: "remap", ID: 990, GID: 991})
			a.Groups = append(a.Groups, survey.Entry{Name: "mapped", ID: 991})
		}, func(o *EnableOptions) { o.User = "remap" }, "arm ranges validate config restart prove keep", func(t *testing.T, p Plan) {
			assert.Assert(t, strings.Contains(p.Config.Added, `"remap:mapped"`))
		}},
		{"on already", func(f *survey.Facts) { f.Engine.Value.SecurityOptions = []string{"name=userns"} }, nil, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := plain()
			if tc.facts != nil {
				tc.facts(&f)
			}
			p := enable(t, f, tc.option)
			assert.Equal(t, strings.Join(names(p), " "), tc.steps)
			if tc.check != nil {
				tc.check(t, p)
			}
		})
	}
}

var errNotThere = missingConfig(survey.Facts{}).Config.Err

func withAccount(f *survey.Facts, line string) {
	a := &f.Accounts.Value
	a.Users = append(a.Users, survey.Entry{Name: "dockremap", ID: 999, GID: 998})
	a.Groups = append(a.Groups, survey.Entry{Name: "dockremap", ID: 998})
	f.SubUID.Value.Data = append(f.SubUID.Value.Data, line...)
	f.SubGID.Value.Data = append(f.SubGID.Value.Data, line...)
}

// What a process calls itself is never run.
func TestValidateRunsTheExecutable(t *testing.T) {
	f := plain()
	f.Daemon.Value.Args = []string{"/home/m/evil", "--evil"}
	p := enable(t, f, nil)
	assert.Equal(t, step(t, p, "validate").Acts[1].(command).args[0], "/usr/sbin/dockerd")
	for _, s := range p.Steps {
		assert.Check(t, !strings.Contains(strings.Join(commands(s), "\n"), "evil"))
	}
}

func TestPlanEnableRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		facts  func(*survey.Facts)
		option func(*EnableOptions)
		want   string
	}{
		{"a comment", func(f *survey.Facts) { f.Config.Value.Data = []byte("{\n  // no\n}\n") }, nil, "daemon.json"},
		{"a key twice", func(f *survey.Facts) { f.Config.Value.Data = []byte(`{"a":1,"a":2}`) }, nil, "daemon.json"},
		{"a byte order mark", func(f *survey.Facts) { f.Config.Value.Data = []byte("\xef\xbb\xbf{}") }, nil, "daemon.json"},
		{"a symlink", func(f *survey.Facts) { f.Config.Value.Link = "/nix/daemon.json" }, nil, "symbolic link to /nix/daemon.json"},
		{"an immutable file", func(f *survey.Facts) { f.Config.Value.Stat.Immutable = true }, nil, "immutable"},
		{"remap set to somebody else", func(f *survey.Facts) { f.Config.Value.Data = []byte(`{"userns-remap":"other"}`) }, nil, "already"},
		{"another driver", func(f *survey.Facts) { f.Config.Value.Data = []byte(`{"storage-driver":"vfs"}`) }, func(o *EnableOptions) { o.Driver = "overlay2" }, "already"},
		{"another's range", nil, func(o *EnableOptions) { o.Range = idmap.Range{Start: 100000, Size: 65536} }, "alice"},
		{"a range past 32 bits", nil, func(o *EnableOptions) { o.Range = idmap.Range{Start: 1 << 32, Size: 65536} }, "reaches past 4294967294"},
		{"a size past 32 bits", nil, func(o *EnableOptions) { o.Range = idmap.Range{Start: 200000, Size: 1 << 32} }, "reaches past 4294967294"},
		{"a line past 32 bits", func(f *survey.Facts) { withAccount(f, "dockremap:4294967296:65536\n") }, nil, "reaches past 4294967294"},
		{"IDs of accounts", nil, func(o *EnableOptions) { o.Range = idmap.Range{Start: 60000, Size: 65536} }, "accounts of the host"},
		{"other ranges than it has", func(f *survey.Facts) { withAccount(f, "dockremap:300000:65536\n") }, func(o *EnableOptions) { o.Range = idmap.Range{Start: 400000, Size: 65536} }, "already"},
		{"root", nil, func(o *EnableOptions) { o.User = "root" }, "root cannot"},
		{"default", nil, func(o *EnableOptions) { o.User = "default" }, "choose a range by itself"},
		{"a hostile name", nil, func(o *EnableOptions) { o.User = "-rf /" }, "no such user"},
		{"no tools", func(f *survey.Facts) { f.Tools = read(survey.Tools{}) }, nil, "neither useradd nor adduser"},
		{"what there is cannot be recorded", func(f *survey.Facts) { f.Volumes.Err = errors.New("no luck") }, nil, "recording what the engine has now"},
		{"a program that others can write", func(f *survey.Facts) { f.Start.Value.Doubt = "UID 1000" }, nil, "root's own program: UID 1000"},
		{"a flag that the key would stand against", func(f *survey.Facts) { f.Start.Value.Args = []string{"--userns-remap", "x"} }, nil, "both places"},
		{"a driver that is a flag", func(f *survey.Facts) { f.Start.Value.Args = []string{"-soverlay2"} }, func(o *EnableOptions) { o.Driver = "overlay2" }, "both places"},
		{"a process that is not believed", func(f *survey.Facts) { f.Daemon.Value.Doubt = "it runs as UID 1000" }, nil, "it runs as UID 1000"},
		{"the daemon is down", func(f *survey.Facts) { f.Engine.Err = survey.ErrDaemonDown }, nil, "does not answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, o := plain(), EnableOptions{Timeout: time.Minute, Now: now}
			if tc.facts != nil {
				tc.facts(&f)
			}
			if tc.option != nil {
				tc.option(&o)
			}
			p, err := PlanEnable(f, o)
			assert.ErrorContains(t, err, tc.want)
			assert.Equal(t, len(p.Steps), 0)
		})
	}
}

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
			assert.DeepEqual(t, p.NotRemoved, []string{"The user dockremap is left, with its subordinate IDs: it is not as the change 20261122T210203Z made it"})
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
		assert.ErrorContains(t, err, "no such backup")
	})
	t.Run("daemon.json by another path", func(t *testing.T) {
		f, past := on, past
		f.Config.Value.Path, f.Config.Value.Real = "/etc/docker/daemon.json", "/srv/docker/daemon.json"
		past.Files = slices.Clone(past.Files)
		past.Files[0].Path = "/srv//docker/daemon.json"
		p, err := PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Check(t, strings.HasPrefix(step(t, p, "config").Title, "Put "), step(t, p, "config").Title)
		past.Files[0].Path = "/srv/other/daemon.json"
		p, err = PlanDisable(f, []Past{past}, o)
		assert.NilError(t, err)
		assert.Check(t, strings.HasPrefix(step(t, p, "config").Title, "Take "), step(t, p, "config").Title)
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

// Folders that have the name of a tree, and were not made by a change of this
// program, or are not as dockerd made them, are nobody's to delete.
func TestLeftovers(t *testing.T) {
	f, past := carriedOut(plain(), enable(t, plain(), nil))
	tree := survey.Tree{Name: "165536.165536", UID: 165536, GID: 165536, InUse: true, Stat: host.Stat{Mode: fs.ModeDir | 0o710, GID: 165536}}
	releases := []survey.Tree{
		{Name: "2024.10", UID: 2024, GID: 10, Stat: host.Stat{Mode: fs.ModeDir | 0o755}},
		{Name: "22.4", UID: 22, GID: 4, Stat: host.Stat{Mode: fs.ModeDir | 0o710, GID: 4}},
	}
	paths := func(f survey.Facts, past ...Past) (paths []string) {
		trees, _ := Leftovers(f, past)
		for _, t := range trees {
			paths = append(paths, t.Path)
		}
		return paths
	}
	f.Storage.Value.Trees = append(releases, tree)
	assert.DeepEqual(t, paths(f, past), []string{"/var/lib/docker/165536.165536"})
	off := f
	off.Engine.Value.SecurityOptions = nil
	assert.DeepEqual(t, paths(off, past), []string{"/var/lib/docker/165536.165536"})
	_, left := Leftovers(off, []Past{past})
	assert.DeepEqual(t, left, []string{
		"/var/lib/docker/2024.10 is left: no change that /var/lib/docker-userns records made it",
		"/var/lib/docker/22.4 is left: no change that /var/lib/docker-userns records made it",
	})
	assert.Equal(t, len(paths(f)), 0, "remap was turned on by hand")
	unmade := past
	unmade.Made = Created{}
	assert.Equal(t, len(paths(f, unmade)), 0, "it was there before the change")
	for name, stat := range map[string]host.Stat{
		"of another user":  {Mode: fs.ModeDir | 0o710, UID: 1000, GID: 165536},
		"of another group": {Mode: fs.ModeDir | 0o710, GID: 1000},
		"others write":     {Mode: fs.ModeDir | 0o777, GID: 165536},
		"a link":           {Mode: fs.ModeSymlink | 0o777},
	} {
		tree.Stat = stat
		f.Storage.Value.Trees = []survey.Tree{tree}
		assert.Equal(t, len(paths(f, past)), 0, name)
	}
}

func TestReclaimKeepsVolumes(t *testing.T) {
	trees := []Tree{{Path: "/var/lib/docker/1.1"}}
	trees[0].list("size 2048\ncontainers 2\nimages 3\nvolume 12 db data\n")
	assert.Assert(t, reflect.DeepEqual(trees[0], Tree{Path: "/var/lib/docker/1.1", Size: 2 << 20, Containers: 2, Images: 3, Volumes: []TreeVolume{{"db data", 12 << 10}}}))
	f, past := carriedOut(plain(), enable(t, plain(), nil))
	o := DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour), Reclaim: trees, Volumes: []string{"other"}}
	p, err := PlanDisable(f, []Past{past}, o)
	assert.ErrorContains(t, err, "db data")
	assert.Equal(t, len(p.Steps), 0)
	o.Volumes = []string{"db data"}
	p, err = PlanDisable(f, []Past{past}, o)
	assert.NilError(t, err)
	assert.Equal(t, p.Steps[len(p.Steps)-1].Title, "Delete /var/lib/docker/1.1: 2.097MB, 2 containers, 3 images")
}

func TestAdded(t *testing.T) {
	for _, tc := range []struct{ before, after, want string }{
		{"", "x\n", "x\n"},
		{"a\n", "a\nb\n", "b\n"},
		{"a", "a\nb\n", "\nb\n"},
		{"ab", "axb", "x"},
		{"ab", "b", ""},
		{"ab", "xy", ""},
		{"a", "a", ""},
	} {
		assert.Equal(t, added(tc.before, tc.after), tc.want)
	}
}

func TestUnmet(t *testing.T) {
	p := enable(t, plain(), nil)
	on, _ := carriedOut(plain(), p)
	assert.Equal(t, len(p.Unmet(on)), 0)
	assert.DeepEqual(t, p.Unmet(plain()), []string{"remap is off, not on", "the data root is /var/lib/docker, not /var/lib/docker/165536.165536"})
	on.Engine.Err = errors.New("gone")
	assert.DeepEqual(t, p.Unmet(on), []string{"gone"})
}

func TestSocketOf(t *testing.T) {
	for _, tc := range []struct {
		endpoint, config string
		args             []string
		want             string
	}{
		{"unix:///run/other.sock", "", nil, "unix:///run/other.sock"},
		{"ssh://root@db1", "", []string{"-H", "fd://"}, defaultSocket},
		{"ssh://root@db1", "", nil, defaultSocket},
		{"ssh://root@db1", "", []string{"--host=unix:///run/d.sock"}, "unix:///run/d.sock"},
		{"ssh://root@db1", "", []string{"-Htcp://0.0.0.0:2376"}, noSocket},
		{"ssh://root@db1", `{"hosts": ["tcp://1.2.3.4:2375", "unix:///run/e.sock"]}`, nil, "unix:///run/e.sock"},
		{"ssh://root@db1", `{"hosts": 7}`, nil, defaultSocket},
	} {
		f := plain()
		f.Endpoint, f.Start.Value.Args, f.Config.Value.Data = tc.endpoint, tc.args, []byte(tc.config)
		assert.Equal(t, socketOf(f), tc.want)
	}
}

// A change whose manifest could not be read again would be taken for somebody else's.
func TestPlanOfTooMuchToRecord(t *testing.T) {
	f := plain()
	for i := range 40000 {
		f.Images.Value = append(f.Images.Value, survey.Image{ID: fmt.Sprintf("sha256:%064d", i), Tags: []string{fmt.Sprintf("ci/app:%d", i)}})
	}
	_, err := PlanEnable(f, EnableOptions{Timeout: time.Minute, Now: time.Unix(1e9, 0)})
	assert.ErrorContains(t, err, "remove what is not needed")
}
