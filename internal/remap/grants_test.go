package remap

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// mounts is a host whose containers mount directories and a file of /srv as users of their
// own, and what its carry carries of them.
func mounts(users map[string]int64) (survey.Facts, *Carry) {
	f := plain()
	f.Containers.Value = nil
	f.Paths.Value = map[string]survey.Path{}
	f.MountTable.Value = []survey.MountPoint{{Device: "8:1", Root: "/", Point: "/", Type: "ext4"}}
	folder := func(p string) survey.Parent {
		return survey.Parent{Path: p, Stat: host.Stat{Mode: fs.ModeDir | 0o755}}
	}
	c := &Carry{}
	for name, user := range users {
		source := "/srv/" + name
		f.Paths.Value[source] = survey.Path{Real: source, Stat: host.Stat{Mode: fs.ModeDir | 0o755, UID: user, GID: user}, Parents: []survey.Parent{folder("/"), folder("/srv")}}
		f.Containers.Value = append(f.Containers.Value, survey.Container{
			ID: idOf(name), Name: name, State: "running", Mounts: []survey.Mount{{Type: "bind", Source: source, Writable: true}},
			Identity: read(survey.Account{UID: user, GID: user}),
		})
		c.Job.Containers = append(c.Job.Containers, carry.Container{ID: idOf(name)})
	}
	return f, c
}

// decided is what is granted once all places were found to be so.
func decided(t *testing.T, f survey.Facts, c *Carry, found grant.Found) Grants {
	t.Helper()
	places := PlacesToGrant(f, c, idmap.Single(200000, 65536))
	all := make([]grant.Found, len(places.Places))
	for i := range all {
		all[i] = found
	}
	return PlanGrants(f, c, places, all)
}

// Each container that remap starts gets what it lacks, by what was found on the host, which
// is more than a survey looks at.
func TestPlanGrants(t *testing.T) {
	kinds := func(mode fs.FileMode) []grant.Kind {
		return []grant.Kind{{Mode: fs.ModeDir | 0o755, UID: 33, GID: 33}, {Mode: mode, UID: 33, GID: 33}}
	}
	f, c := mounts(map[string]int64{"web": 33})
	entry := grant.Grant{Path: "/srv/web", Tree: true, Inode: 7, UID: 200033, Perm: 7}
	for name, tc := range map[string]struct {
		found  grant.Found
		want   []grant.Grant
		refuse string
	}{
		"files for all":   {found: grant.Found{Kinds: kinds(0o644), Inode: 7}, want: []grant.Grant{entry}},
		"private files":   {found: grant.Found{Kinds: kinds(0o600), Inode: 7}, want: []grant.Grant{{Path: "/srv/web", Tree: true, Inode: 7, Shift: true}}},
		"capabilities":    {found: grant.Found{Kinds: kinds(0o600), NoShift: "f has file capabilities", Inode: 7}, refuse: "f has file capabilities"},
		"no ACLs":         {found: grant.Found{Kinds: kinds(0o644), NoACL: "its file system has no ACLs", Inode: 7}, refuse: "its file system has no ACLs"},
		"hard links":      {found: grant.Found{Kinds: kinds(0o644), Odd: true}, refuse: "it contains hard links, files as in a home directory, or the state of an engine; mount a folder of its own"},
		"not looked at":   {found: grant.Found{Err: "it is immutable"}, refuse: "it is immutable"},
		"a setuid file":   {found: grant.Found{Kinds: kinds(fs.ModeSetuid | 0o755)}, refuse: "it contains programs that root may run; mount it read-only, or mount a copy"},
		"of another user": {found: grant.Found{Kinds: append(kinds(0o644), grant.Kind{Mode: 0o600, UID: 8})}, refuse: "it contains files that only user 8 can read, who is not the container's user; mount a folder with a copy of what the container needs"},
	} {
		t.Run(name, func(t *testing.T) {
			g := decided(t, f, c, tc.found)
			assert.DeepEqual(t, g.Job.Grants, tc.want)
			if tc.refuse != "" {
				assert.DeepEqual(t, g.Refused, []NotGranted{{"web: /srv/web", tc.refuse}})
			} else {
				assert.Equal(t, len(g.Refused), 0)
				assert.DeepEqual(t, g.For, []string{"web: /srv/web"})
			}
		})
	}
	c.Job.Containers[0].Stopped = true
	assert.Equal(t, len(decided(t, f, c, grant.Found{Kinds: kinds(0o644)}).Job.Grants), 0, "it is not started")
}

// Where no command would be printed, nothing is given, and nothing is looked at.
func TestPlanGrantsOnlyWhereAllowed(t *testing.T) {
	f, c := mounts(map[string]int64{"web": 33})
	p := f.Paths.Value["/srv/web"]
	p.Real, p.Parents = "/etc/app", []survey.Parent{{Path: "/", Stat: host.Stat{Mode: fs.ModeDir | 0o755}}, {Path: "/etc", Stat: host.Stat{Mode: fs.ModeDir | 0o755}}}
	f.Paths.Value["/srv/web"] = p
	assert.Equal(t, len(PlacesToGrant(f, c, idmap.Single(200000, 65536)).Places), 0)
	g := decided(t, f, c, grant.Found{})
	assert.Equal(t, len(g.Job.Grants), 0)
	assert.Equal(t, len(g.Refused), 1)
}

// Two users of one path each get their own right; one that asks twice gets both in one.
func TestPlanGrantsMerges(t *testing.T) {
	f, c := mounts(map[string]int64{"a": 33, "b": 33, "c": 44})
	for i := range f.Containers.Value {
		m := &f.Containers.Value[i].Mounts[0]
		m.Source, m.Writable = "/srv/a", f.Containers.Value[i].Name != "b"
	}
	found := grant.Found{Kinds: []grant.Kind{{Mode: fs.ModeDir | 0o777&^0o2, UID: 33, GID: 44}, {Mode: 0o664, UID: 33, GID: 44}}, Inode: 1}
	p := f.Paths.Value["/srv/a"]
	p.Stat.Mode, p.Stat.GID = fs.ModeDir|0o775, 44
	f.Paths.Value["/srv/a"] = p
	g := decided(t, f, c, found)
	users := map[int64]uint8{}
	for _, one := range g.Job.Grants {
		users[one.UID] |= one.Perm
	}
	assert.DeepEqual(t, users, map[int64]uint8{200033: 7, 200044: 7})
	assert.Equal(t, len(g.Job.Grants), 2)
}

// Rights are taken back by the disable that ends remap. If it was ended by other means, disable
// says that they are kept.
func TestDisableTakesRights(t *testing.T) {
	f := plain()
	on, past := carriedOut(f, enable(t, f, nil))
	past.Config, past.HaveConfig = f.Config.Value.Data, true
	past.Grants = []grant.Grant{{Path: "/srv/web", UID: 200033, Perm: 7, Inode: 1}}
	options := DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour)}
	p, err := PlanDisable(on, []Past{past}, options)
	assert.NilError(t, err)
	assert.Equal(t, p.Rights, takeRights)
	assert.DeepEqual(t, p.Grants.Job, grant.Job{Map: past.After.Map, Grants: past.Grants})
	p, err = PlanDisable(f, []Past{past}, options)
	assert.NilError(t, err)
	assert.Equal(t, p.Rights, "")
	assert.Check(t, len(p.NotRemoved) == 1 && strings.Contains(p.NotRemoved[0], "/srv/web"), "%q", p.NotRemoved)
	options.NoRestart = true
	_, err = PlanDisable(on, []Past{past}, options)
	assert.ErrorContains(t, err, "no --no-restart")
}
