package ranges

import (
	"errors"
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const table = "dockremap:165536:65536\nci:300000:65536\n"

// configured is an engine that is set to remap by daemon.json, and does.
func configured() survey.Facts {
	f := facts(table, table)
	f.Config.Value.TextFile = survey.TextFile{Path: "/etc/docker/daemon.json", Data: []byte(`{"userns-remap": "dockremap"}`)}
	f.Engine.Value.SecurityOptions = []string{"name=userns"}
	f.Engine.Value.DataRoot = "/var/lib/docker/165536.165536"
	return f
}

// The value is the one of the next start, whatever the process that runs was given.
func TestSettingsValue(t *testing.T) {
	for name, tc := range map[string]struct {
		change        func(*survey.Facts)
		value, origin string
		unread        string
	}{
		"daemon.json": {func(*survey.Facts) {}, "dockremap", "/etc/docker/daemon.json", ""},
		"a flag":      {func(f *survey.Facts) { f.Start.Value.Args = []string{"--userns-remap=ci"} }, "ci", "the flag --userns-remap=ci", ""},
		"two flags": {func(f *survey.Facts) {
			f.Start.Value.Args = []string{"--userns-remap=a", "--userns-remap=b", "--", "--userns-remap=c"}
		}, "b", "the flag --userns-remap=b", ""},
		"a flag of the process only": {func(f *survey.Facts) { f.Daemon.Value.Args = []string{"dockerd", "--userns-remap=ci"} }, "dockremap", "/etc/docker/daemon.json", ""},
		"the start is unknown": {func(f *survey.Facts) {
			f.Start.Err, f.Daemon.Value.Args = errors.New("no"), []string{"dockerd", "--userns-remap=ci"}
		}, "ci", "the flag --userns-remap=ci", ""},
		"daemon.json, flags unknown": {func(f *survey.Facts) { f.Start.Err, f.Daemon.Err = errors.New("no"), errors.New("no") }, "dockremap", "/etc/docker/daemon.json", ""},
		"nothing":                    {func(f *survey.Facts) { f.Config.Err = fs.ErrNotExist }, "", "", ""},
		"flags unknown": {func(f *survey.Facts) {
			f.Config.Err, f.Start.Err, f.Daemon.Err = fs.ErrNotExist, errors.New("no"), errors.New("no process")
		}, "", "", "no process"},
		"daemon.json unread": {func(f *survey.Facts) { f.Config.Err = fs.ErrPermission }, "", "", "permission denied"},
		"daemon.json broken": {func(f *survey.Facts) { f.Config.Value.Data = []byte("{") }, "", "", "line 1"},
		"daemon.json cut":    {func(f *survey.Facts) { f.Config.Value.Truncated = true }, "", "", "larger"},
	} {
		f := configured()
		tc.change(&f)
		s := SettingsOf(f, "")
		assert.Equal(t, s.Value, tc.value, name)
		assert.Equal(t, s.Origin, tc.origin, name)
		if tc.unread == "" {
			assert.NilError(t, s.Unread, name)
		} else {
			assert.ErrorContains(t, s.Unread, tc.unread, name)
		}
	}
}

func TestSettingsNext(t *testing.T) {
	for name, tc := range map[string]struct {
		user    string
		change  func(*survey.Facts)
		want    string
		refused bool
	}{
		"as configured":              {"", func(*survey.Facts) {}, "0:165536:65536", false},
		"as asked for":               {"ci", func(*survey.Facts) {}, "0:300000:65536", false},
		"asked for, daemon.json bad": {"ci", func(f *survey.Facts) { f.Config.Value.Data = []byte("{") }, "0:300000:65536", false},
		"asked for, without ranges":  {"solo", func(*survey.Facts) {}, `no subuid ranges found for user "solo"`, true},
		"not set":                    {"", func(f *survey.Facts) { f.Config.Value.Data = nil }, "userns-remap is no longer set", true},
		"daemon.json bad":            {"", func(f *survey.Facts) { f.Config.Value.Data = []byte("{") }, "reading daemon.json", true},
		"daemon.json unread":         {"", func(f *survey.Facts) { f.Config.Err = fs.ErrPermission }, "permission denied", false},
		"an account that is not":     {"", func(f *survey.Facts) { f.Start.Value.Args = []string{"--userns-remap=gone"} }, `uid lookup for "gone"`, true},
		"a table that is missing":    {"", func(f *survey.Facts) { f.SubGID.Err = fs.ErrNotExist }, "no such file", true},
		"a table that is unread":     {"", func(f *survey.Facts) { f.SubGID.Err = fs.ErrPermission }, "permission denied", false},
		"accounts unread":            {"", func(f *survey.Facts) { f.Accounts.Err = fs.ErrPermission }, "permission denied", false},
	} {
		f := configured()
		tc.change(&f)
		m, err := SettingsOf(f, tc.user).Next()
		if err == nil {
			assert.Equal(t, m.String(), tc.want, name)
			continue
		}
		assert.ErrorContains(t, err, tc.want, name)
		refusal := RefusedError{}
		assert.Equal(t, errors.As(err, &refusal), tc.refused, "%s: %v", name, err)
	}
}

// What is in force began when the engine did, whatever the files say since.
func TestSettingsNow(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*survey.Facts)
		want   string
		whole  bool
	}{
		"as configured":      {func(*survey.Facts) {}, "0:165536:65536", true},
		"not configured now": {func(f *survey.Facts) { f.Config.Err = fs.ErrNotExist }, "0:165536:65536", true},
		"another's ranges":   {func(f *survey.Facts) { f.Engine.Value.DataRoot = "/d/300000.300000" }, "0:300000:65536", true},
		"edited since":       {func(f *survey.Facts) { f.SubUID.Value.Data = []byte("dockremap:9:9\n") }, "0:165536:65536", false},
		"a table unread":     {func(f *survey.Facts) { f.SubUID.Err = fs.ErrPermission }, "0:165536:65536", false},
		"by UID": {func(f *survey.Facts) {
			f.Engine.Value.DataRoot, f.SubUID.Value.Data, f.SubGID.Value.Data = "/d/7.8", []byte("165600:7:1000\n"), []byte("ci:8:1000\n")
		}, "uid=0:7:1000,gid=0:8:1000", true},
		"it does not remap":  {func(f *survey.Facts) { f.Engine.Value.SecurityOptions = nil }, "", false},
		"it does not answer": {func(f *survey.Facts) { f.Engine.Err = survey.ErrDaemonDown }, "", false},
		"no suffix":          {func(f *survey.Facts) { f.Engine.Value.DataRoot = "/d" }, "", false},
		"past 32 bits":       {func(f *survey.Facts) { f.Engine.Value.DataRoot = "/d/4294967295.1" }, "", false},
	} {
		f := configured()
		tc.change(&f)
		s := SettingsOf(f, "")
		assert.Equal(t, s.Now.String(), tc.want, name)
		assert.Equal(t, s.NowWhole, tc.whole, name)
		assert.Equal(t, s.Now.Same(idmap.Map{}), tc.want == "", name)
	}
}
