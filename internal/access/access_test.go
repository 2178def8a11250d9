package access

import (
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

var remapped = idmap.Single(100000, 65536)

func TestTo(t *testing.T) {
	app := Process{UID: 101000, GID: 101000, Groups: []int64{101005}}
	root, ok := Mapped(remapped, 0, 0, nil)
	assert.Assert(t, ok)
	acl := func(entries ...host.ACLEntry) host.ACL {
		return host.ACL{Entries: append([]host.ACLEntry{
			{Tag: host.ACLUserObj, ID: -1, Perm: 7}, {Tag: host.ACLGroupObj, ID: -1, Perm: 4}, {Tag: host.ACLOther, ID: -1, Perm: 1},
		}, entries...)}
	}
	for _, tc := range []struct {
		name string
		p    Process
		s    host.Stat
		want string
	}{
		{"other", app, host.Stat{Mode: fs.ModeDir | 0o754, UID: 0, GID: 0}, "r--"},
		{"owner", app, host.Stat{Mode: 0o421, UID: 101000, GID: 101000}, "r--"},
		{"owner without a right that all have", app, host.Stat{Mode: 0o077, UID: 101000}, "---"},
		{"group", app, host.Stat{Mode: 0o421, UID: 0, GID: 101000}, "-w-"},
		{"supplementary group", app, host.Stat{Mode: 0o421, UID: 0, GID: 101005}, "-w-"},
		{"container root, host root's file", root, host.Stat{Mode: 0o700, UID: 0, GID: 0}, "---"},
		{"container root, a mapped user's directory", root, host.Stat{Mode: fs.ModeDir, UID: 101000, GID: 101000}, "rwx"},
		{"container root, a mapped user's file", root, host.Stat{Mode: 0o600, UID: 101000, GID: 101000}, "rw-"},
		{"container root, a mapped user's program", root, host.Stat{Mode: 0o100, UID: 101000, GID: 101000}, "rwx"},
		{"container root, a mapped owner but another group", root, host.Stat{Mode: 0o600, UID: 101000, GID: 0}, "---"},
		{"ACL: named user", app, host.Stat{Mode: 0o700, ACL: acl(host.ACLEntry{Tag: host.ACLUser, ID: 101000, Perm: 6})}, "rw-"},
		{"ACL: named user, masked", app, host.Stat{Mode: 0o700, ACL: acl(host.ACLEntry{Tag: host.ACLUser, ID: 101000, Perm: 6}, host.ACLEntry{Tag: host.ACLMask, ID: -1, Perm: 4})}, "r--"},
		{"ACL: named group", app, host.Stat{ACL: acl(host.ACLEntry{Tag: host.ACLGroup, ID: 101005, Perm: 3})}, "-wx"},
		{"ACL: groups join", app, host.Stat{GID: 101000, ACL: acl(host.ACLEntry{Tag: host.ACLGroup, ID: 101005, Perm: 3})}, "rwx"},
		{"ACL: a group that gives nothing", app, host.Stat{ACL: acl(host.ACLEntry{Tag: host.ACLGroup, ID: 101005, Perm: 0})}, "---"},
		{"ACL: owner is not masked", app, host.Stat{UID: 101000, ACL: acl(host.ACLEntry{Tag: host.ACLMask, ID: -1, Perm: 0})}, "rwx"},
		{"ACL: other", app, host.Stat{UID: 5, ACL: acl(host.ACLEntry{Tag: host.ACLUser, ID: 7, Perm: 7}, host.ACLEntry{Tag: host.ACLMask, ID: -1, Perm: 0})}, "--x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Equal(t, tc.p.To(tc.s).String(), tc.want)
		})
	}
}

func TestMapped(t *testing.T) {
	p, ok := Mapped(remapped, 1000, 1000, []int64{5})
	assert.Assert(t, ok)
	assert.DeepEqual(t, p, Process{UID: 101000, GID: 101000, Groups: []int64{100005}})
	for _, ids := range [][3]int64{{70000, 0, 0}, {0, 70000, 0}, {0, 0, 70000}} {
		_, ok := Mapped(remapped, ids[0], ids[1], []int64{ids[2]})
		assert.Assert(t, !ok, "%v", ids)
	}
}
