package audit

import (
	"archive/tar"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const (
	somePasswd = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nbig:x:1000000:1000:big:/:/bin/sh\ngrp:x:1001:1000000::/:/bin/sh\nin:x:1002:1002::/:/bin/sh\n1234:x:5:5::/:/bin/sh\nodd:x:banana:7::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
	someGroup  = "root:x:0:\nnode:x:1000:\nwheel:x:70000:in\nstaff:x:50:\n"
)

func TestStartable(t *testing.T) {
	tests := []struct {
		user      string
		startable bool
		uid, gid  int64  // of the finding
		says      string // in its fix
	}{
		{user: "", startable: true},
		{user: "node", startable: true},
		{user: "1000", startable: true},
		{user: "node:staff", startable: true},
		{user: "70000", uid: 70000, says: "UID 70000"},
		{user: "100000", uid: 100000, says: "UID 100000"}, // the kernel knows no alias
		{user: "big", uid: 1000000, gid: 1000, says: "UID 1000000"},
		{user: "1000000", uid: 1000000, gid: 1000, says: "UID 1000000"},
		{user: "grp", uid: 1001, gid: 1000000, says: "group 1000000"},
		{user: "grp:50", startable: true},
		{user: "node:wheel", uid: 1000, gid: 70000, says: "group 70000"},
		{user: "0:70000", gid: 70000, says: "group 70000"},
		{user: "in", uid: 1002, gid: 70000, says: "group 70000"}, // a supplementary group
		{user: "in:1002", startable: true},                       // none where a group is named
		{user: "1234", startable: true},                          // a number, not a name
		{user: "odd", startable: true},                           // engines read a bad number as 0
		{user: "ghost", uid: -1, gid: -1, says: "unable to find user ghost"},
		{user: "node:ghosts", uid: -1, gid: -1, says: "unable to find group ghosts"},
		{user: "-5", uid: -1, gid: -1, says: "uids and gids must be in range"},
		{user: "4294967295", uid: -1, gid: -1, says: "uids and gids must be in range"},
	}
	for _, tc := range tests {
		t.Run(tc.user, func(t *testing.T) {
			a := New(Options{Map: usual, Paths: 10})
			img := made(a, t, [][]entry{{{name: "./etc/passwd", body: somePasswd}, {name: "etc/group", body: someGroup}}})
			img.Config.User = tc.user
			r := a.Report(img)
			assert.Equal(t, r.Startable, tc.startable)
			f, found := one(r, UnmappedUser)
			assert.Equal(t, found, !tc.startable)
			if found {
				assert.Equal(t, f.UID, tc.uid)
				assert.Equal(t, f.GID, tc.gid)
				assert.Equal(t, f.Layer, NoLayer)
				assert.Assert(t, strings.Contains(f.Message, tc.says), f.Message)
			}
		})
	}
}

func one(r Report, rule Rule) (Finding, bool) {
	for _, f := range r.Findings {
		if f.Rule == rule {
			return f, true
		}
	}
	return Finding{}, false
}

// Which passwd a container sees.
func TestFinalPasswd(t *testing.T) {
	file := entry{name: "etc/passwd", body: "app:x:70000:0::/:\n"}
	good := entry{name: "etc/passwd", body: "app:x:1000:0::/:\n"}
	tests := []struct {
		name      string
		layers    [][]entry
		startable bool
		says      string
	}{
		{"the topmost", [][]entry{{file}, {good}}, true, ""},
		{"the topmost, unmapped", [][]entry{{good}, {file}}, false, "UID 70000"},
		{"the last of a layer", [][]entry{{file, good}}, true, ""},
		{"removed", [][]entry{{good}, {{name: "etc/.wh.passwd"}}}, false, "unable to find user app"},
		{"removed with etc", [][]entry{{good}, {{name: ".wh.etc"}}}, false, "unable to find user app"},
		{"etc starts afresh", [][]entry{{good}, {{name: "etc/.wh..wh..opq"}}}, false, "unable to find user app"},
		{"removed and recreated", [][]entry{{file}, {good, {name: "etc/.wh..wh..opq"}}}, true, ""},
		{"none", [][]entry{{{name: "bin/sh"}}}, false, "unable to find user app"},
		{"a symbolic link", [][]entry{{good}, {{name: "etc/passwd", kind: tar.TypeSymlink}}}, false, "/etc/passwd is a symbolic link"},
		{"etc is a symbolic link", [][]entry{{good}, {{name: "etc", kind: tar.TypeSymlink}}}, false, "/etc is a symbolic link"},
		{"too large", [][]entry{{{name: "etc/passwd", body: strings.Repeat("#\n", maxAccounts)}}}, false, "larger than 1 MiB"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual})
			img := made(a, t, tc.layers)
			img.Config.User = "app"
			r := a.Report(img)
			assert.Equal(t, r.Startable, tc.startable)
			f, _ := one(r, UnmappedUser)
			assert.Assert(t, strings.Contains(f.Message, tc.says), f.Message)
		})
	}
}

// A number needs no passwd, but its groups would come from there.
func TestUserInNumbersWithoutPasswd(t *testing.T) {
	for user, want := range map[string]struct {
		startable bool
		severity  Severity
	}{"1000:1000": {true, ""}, "1000": {true, Warning}, "70000": {false, Error}, "app": {false, Warning}} {
		a := New(Options{Map: usual})
		img := made(a, t, [][]entry{{{name: "etc/passwd", kind: tar.TypeSymlink}}})
		img.Config.User = user
		r := a.Report(img)
		assert.Equal(t, r.Startable, want.startable, user)
		f, _ := one(r, UnmappedUser)
		assert.Equal(t, f.Severity, want.severity, user)
	}
}

func TestAccounts(t *testing.T) {
	a := New(Options{Map: usual, Paths: 10})
	r := a.Report(made(a, t, [][]entry{{{name: "bin/sh"}}, {{name: "etc/passwd", body: somePasswd}, {name: "etc/group", body: someGroup}}},
		"ADD file", "/bin/sh -c useradd -u 1000000 big"))
	assert.Equal(t, r.Verdict, Mappable)
	assert.Equal(t, len(r.Findings), 2)
	passwd, group := r.Findings[0], r.Findings[1]
	passwd.Changes = nil
	assert.DeepEqual(t, passwd, Finding{
		Rule: UnmappedAccount, Severity: Warning, Layer: 1, UID: 1000000, GID: 1000, Count: 2, Mixed: true,
		Paths: []string{"etc/passwd:3 (big)", "etc/passwd:4 (grp)"}, Cause: CauseAccount, Fix: `RUN useradd -u 10001 big && sed -i -e 's/^wheel:\([^:]*\):70000:/wheel:\1:10000:/' /etc/group`,
	})
	assert.DeepEqual(t, group.Paths, []string{"etc/group:3 (wheel)"})
	assert.Equal(t, group.GID, int64(70000))
}

func TestRequired(t *testing.T) {
	tests := []struct {
		name    string
		entries []entry
		user    string
		want    Required
	}{
		{"nothing", nil, "", Required{1, 1}},
		{"files", []entry{{name: "a", uid: 1000, gid: 70000}}, "", Required{1001, 70001}},
		{"the root entry does not count", []entry{{name: "./", uid: 70000, kind: tar.TypeDir}}, "", Required{1, 1}},
		{"nor does the alias", []entry{{name: "a", uid: 100000}}, "", Required{1, 1}},
		{"the user does", nil, "70000:5", Required{70001, 6}},
		{"negative", []entry{{name: "a", uid: -1}}, "", Required{-1, 1}},
		{"the last ID", []entry{{name: "a", gid: 4294967294}}, "", Required{1, 4294967295}},
		{"beyond", []entry{{name: "a", gid: 4294967295}}, "", Required{1, -1}},
		{"far beyond", []entry{{name: "a", gid: 1<<63 - 1}, {name: "b", gid: 5}}, "", Required{1, -1}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual})
			img := made(a, t, [][]entry{tc.entries})
			img.Config.User = tc.user
			assert.Equal(t, a.Report(img).Required, tc.want)
		})
	}
}

func TestAskedID(t *testing.T) {
	id := int64(1000)
	a := New(Options{Map: usual, Paths: 10, Asked: &Asked{IDs: []int64{id}}})
	r := a.Report(made(a, t, [][]entry{{{name: "a", uid: 1000}, {name: "b", gid: 1000}, {name: "c", uid: 70000}, {name: "d", uid: 70000, gid: 1000}}}))
	assert.Equal(t, r.Verdict, Unmappable)
	assert.Equal(t, r.Layers[0].Unmapped, int64(2))
	var got []string
	for _, f := range r.Findings {
		got = append(got, string(f.Rule)+" "+f.Paths[0])
	}
	assert.DeepEqual(t, got, []string{"unmapped-owner d", "owner a", "owner b"})
}
