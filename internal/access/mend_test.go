package access

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// given are the commands that give the files of an owner away, and back.
func given(owner int) (there, back string) {
	remapped := "if sudo docker -H unix:///var/run/docker.sock info -f '{{.SecurityOptions}}' | grep "
	there = fmt.Sprintf(remapped+"-q name=userns; then sudo chown -RPh --from=%[1]d:%[1]d %[2]d:%[2]d -- /srv/x; fi", owner, owner+100000)
	back = fmt.Sprintf(remapped+"-qv name=userns; then sudo chown -RPh --from=%[2]d:%[2]d %[1]d:%[1]d -- /srv/x; fi", owner, owner+100000)
	return there, back
}

// What is proposed for a mount, by what is there.
func TestMend(t *testing.T) {
	toDatabase, fromDatabase := given(999)
	toRoot, fromRoot := given(0)
	dir := func(mode fs.FileMode, uid int64) host.Stat {
		return host.Stat{Mode: fs.ModeDir | mode, UID: uid, GID: uid}
	}
	kind := func(mode fs.FileMode, uid int64) grant.Kind { return grant.Kind{Mode: mode, UID: uid, GID: uid} }
	for name, tc := range map[string]struct {
		user   int64
		stat   host.Stat
		inside []grant.Kind
		want   []string
		note   string
	}{
		"files for all":       {1000, dir(0o755, 1000), []grant.Kind{kind(0o644, 1000)}, []string{"sudo setfacl -RP -m u:101000:rwX -- /srv/x"}, "stop db, copy first; to undo it: setfacl -RP -x"},
		"files of root":       {1000, dir(0o755, 1000), []grant.Kind{kind(0o644, 0)}, nil, "fewer rights than to the directory"},
		"a folder of root":    {1000, dir(0o755, 1000), []grant.Kind{kind(fs.ModeDir|0o755, 0)}, nil, "fewer rights than to the directory"},
		"of its group alone":  {1000, dir(0o755, 1000), []grant.Kind{kind(0o660, 7)}, nil, "fewer rights than to the directory"},
		"a database":          {999, dir(0o700, 999), []grant.Kind{kind(0o600, 999)}, []string{toDatabase, fromDatabase}, "stop db, copy first"},
		"read by its group":   {999, dir(0o750, 999), []grant.Kind{kind(0o640, 999)}, []string{toDatabase, fromDatabase}, ""},
		"its image's root":    {0, dir(0o700, 999), []grant.Kind{kind(0o600, 999)}, []string{toDatabase, fromDatabase}, ""},
		"given already":       {0, dir(0o700, 999), []grant.Kind{kind(0o600, 999), kind(0o600, 100999)}, []string{toDatabase, fromDatabase}, ""},
		"a key in it":         {999, dir(0o755, 0), []grant.Kind{kind(0o400, 999)}, []string{toRoot, toDatabase, fromRoot, fromDatabase}, ""},
		"a key of another":    {999, dir(0o700, 999), []grant.Kind{kind(0o600, 7)}, nil, "only user 7 can read"},
		"many owners":         {0, dir(0o700, 1), []grant.Kind{kind(0o600, 2), kind(0o600, 3), kind(0o600, 4), kind(0o600, 5), kind(0o600, 6), kind(0o600, 7), kind(0o600, 8), kind(0o600, 9)}, nil, "9 owners"},
		"a socket of root":    {0, dir(0o755, 0), []grant.Kind{kind(fs.ModeSocket|0o666, 0)}, nil, "sockets of root"},
		"open for all":        {0, dir(0o755, 0), []grant.Kind{kind(0o777|fs.ModeDir, 0)}, nil, "every user of the host"},
		"a device":            {0, dir(0o755, 0), []grant.Kind{kind(fs.ModeDevice|0o660, 0)}, nil, "devices"},
		"a setuid program":    {0, dir(0o755, 0), []grant.Kind{kind(fs.ModeSetuid|0o755, 5)}, nil, "programs that root may run"},
		"a program of root":   {0, dir(0o755, 0), []grant.Kind{kind(0o755, 0)}, nil, "programs that root may run"},
		"links":               {0, dir(0o755, 0), []grant.Kind{kind(fs.ModeSymlink|0o777, 0)}, []string{"sudo setfacl -RP -m u:100000:rwX -- /srv/x"}, ""},
		"a file":              {0, host.Stat{Mode: 0o644}, nil, []string{"sudo setfacl -m u:100000:rw -- /srv/x"}, "setfacl -x u:100000"},
		"a key":               {999, host.Stat{Mode: 0o600, UID: 999, GID: 999}, nil, []string{toDatabase, fromDatabase}, ""},
		"a program":           {0, host.Stat{Mode: 0o755}, nil, nil, "a program"},
		"a file with links":   {0, host.Stat{Mode: 0o644, Links: 2}, nil, nil, "hard links"},
		"a pipe":              {0, host.Stat{Mode: fs.ModeNamedPipe | 0o600}, nil, nil, "a device or a pipe"},
		"a socket":            {0, host.Stat{Mode: fs.ModeSocket | 0o660, UID: 33}, nil, []string{"sudo setfacl -m u:100000:w -- /srv/x"}, ""},
		"a socket that roots": {0, host.Stat{Mode: fs.ModeSocket | 0o660}, nil, nil, "root's socket"},
	} {
		t.Run(name, func(t *testing.T) {
			f := debian()
			f.Tools.Value = survey.Tools{"setfacl": "/usr/bin/setfacl"}
			p := at("/srv/x", tc.stat)
			if tc.stat.Mode.IsDir() {
				p.Inside = &survey.Inside{Kinds: append([]grant.Kind{{Mode: tc.stat.Mode, UID: tc.stat.UID, GID: tc.stat.GID}}, tc.inside...)}
			}
			f.Paths.Value = map[string]survey.Path{"/srv/x": p, "/srv": at("/srv", dir(0o755, 0))}
			mount := survey.Mount{Type: "bind", Source: "/srv/x", Writable: true}
			c := survey.Container{Name: "db", State: "running", Mounts: []survey.Mount{mount}, Identity: survey.Read[survey.Account]{Value: survey.Account{UID: tc.user, GID: tc.user}}}
			f.Containers.Value = []survey.Container{c, {Name: "copy", State: "paused", Mounts: []survey.Mount{{Type: "bind", Source: "/srv", Writable: true}}},
				{Name: "watch", State: "running", Mounts: []survey.Mount{{Type: "bind", Source: "/srv"}}}, {Name: "other", State: "running"}}
			loss, ok := Lost(c, mount, p, remapped)
			assert.Assert(t, ok && loss.Any(), "%v", loss)
			m := loss.Mend(f)
			assert.Check(t, is.DeepEqual(m.Fix, tc.want), "%s", m.Note)
			assert.Check(t, strings.Contains(m.Note, tc.note), "%s", m.Note)
			assert.Check(t, (m.Fix == nil) == strings.HasPrefix(m.Note, "no command is suggested: "), "%s", m.Note)

			for _, unknown := range []*survey.Inside{nil, {Err: errors.New("it is too large"), Kinds: tc.inside}, {Odd: true, Kinds: tc.inside}} {
				if loss.Path.Inside = unknown; tc.stat.Mode.IsDir() {
					assert.Check(t, is.Len(loss.Mend(f).Fix, 0))
				}
			}
			loss.Path.Real = "/root/.ssh"
			assert.Check(t, is.Len(loss.Mend(f).Fix, 0))
		})
	}
}

// A directory with a mount below it is not gone through.
func TestNoMendOverMounts(t *testing.T) {
	f := debian()
	f.MountTable.Value = append(f.MountTable.Value, survey.MountPoint{Device: "8:33", Root: "/", Point: "/srv/x/disk", Type: "ext4"})
	p := at("/srv/x", host.Stat{Mode: fs.ModeDir | 0o755})
	p.Inside = &survey.Inside{Kinds: []grant.Kind{{Mode: p.Stat.Mode}}}
	loss, ok := Lost(survey.Container{}, survey.Mount{Writable: true}, p, remapped)
	assert.Assert(t, ok && loss.Any())
	assert.Check(t, is.Len(loss.Mend(f).Fix, 0))
}

// The package of setfacl is named if it is missing.
func TestInstall(t *testing.T) {
	for like, want := range map[string]string{"debian": "sudo apt-get install acl", "alpine": "sudo apk add acl", "rhel fedora": "sudo dnf install acl", "": "# setfacl is missing on this host: install the package acl"} {
		f := survey.Facts{}
		f.Kernel.Value.OSRelease = map[string]string{"ID": "x", "ID_LIKE": like}
		assert.DeepEqual(t, install(f), []string{want})
		f.Tools.Value = survey.Tools{"setfacl": "/usr/bin/setfacl"}
		assert.Check(t, is.Len(install(f), 0))
	}
}

// Alpine's chown cannot choose by the owner.
func TestBusyboxChown(t *testing.T) {
	f := survey.Facts{}
	f.Kernel.Value.OSRelease = map[string]string{"ID": "alpine"}
	got := whenRemapped(f, "-q", "/srv/it's", [2]int64{999, 7}, [2]int64{100999, 100007})
	assert.Assert(t, strings.HasSuffix(got, `; then sudo find '/srv/it'\''s' -xdev -user 999 -group 7 -exec chown -h 100999:100007 {} +; fi`), got)
}

// An ACL entry never takes away what the user had.
func TestGrantKeepsWhatIsThere(t *testing.T) {
	p := at("/srv/x", host.Stat{Mode: 0o641, UID: 1000})
	loss, ok := Lost(survey.Container{Identity: survey.Read[survey.Account]{Value: survey.Account{UID: 1000}}}, survey.Mount{}, p, remapped)
	assert.Assert(t, ok)
	assert.Equal(t, loss.Lacks.String(), "r--")
	assert.Equal(t, loss.Give.String(), "r-x")
}

// An ID that could be a container's and a mapped one's is not moved.
func TestMoved(t *testing.T) {
	plain, overlapping := idmap.Single(100000, 65536).UID, idmap.Single(1000, 65536).UID
	for _, tc := range []struct {
		e        idmap.Extents
		from, to int64
		ok       bool
	}{{plain, 0, 100000, true}, {plain, 999, 100999, true}, {plain, 100999, 100999, true}, {plain, 70000, 70000, true}, {overlapping, 5, 1005, true}, {overlapping, 1005, 1005, false}} {
		to, ok := moved(tc.e, tc.from)
		assert.Check(t, to == tc.to && ok == tc.ok, "%v: %d %t", tc, to, ok)
	}
}
