package remap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

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
		{"default", nil, func(o *EnableOptions) { o.User = "default" }, "choose a range itself"},
		{"a hostile name", nil, func(o *EnableOptions) { o.User = "-rf /" }, "no such user"},
		{"no tools", func(f *survey.Facts) { f.Tools = read(survey.Tools{}) }, nil, "neither useradd nor adduser"},
		{"what there is cannot be recorded", func(f *survey.Facts) { f.Volumes.Err = errors.New("no luck") }, nil, "recording what the engine has now"},
		{"a program that others can write", func(f *survey.Facts) { f.Start.Value.Doubt = "UID 1000" }, nil, "is a program of root alone: UID 1000"},
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
