package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
)

const says = `uid_map          0     100000      65536
gid_map          0     100000      65536
status Uid:	1000	1000	1000	1000
status Gid:	1000	1000	1000	1000
status Groups:	7 8
wrote /docker-userns/volume/x
refused /docker-userns/bind/x Permission denied
done
`

// mapped is a probe's user as all is well with it.
func mapped(uid int64) User {
	m, out := idmap.Single(100000, 65536), uid+100000
	file := File{Path: "/x", UID: out, GID: out}
	return User{
		UID: uid, GID: uid, PID: 7, By: ByProc, Volume: file, Bind: file,
		Inside:  View{Map: m, UIDs: allFour(uid), GIDs: allFour(uid), Groups: []int64{1, 2}},
		Outside: View{Map: m, UIDs: allFour(out), GIDs: allFour(out), Groups: []int64{100002, 100001}},
	}
}

func TestProbeSays(t *testing.T) {
	var u User
	assert.NilError(t, u.parse([]byte(says)))
	assert.DeepEqual(t, u.Inside, View{Map: idmap.Single(100000, 65536), UIDs: allFour(1000), GIDs: allFour(1000), Groups: []int64{7, 8}})
	assert.NilError(t, u.Volume.Written)
	assert.Error(t, u.Bind.Written, "Permission denied")
	for _, text := range []string{"", "done\n", strings.TrimSuffix(says, "done\n"), "sh: not found\n"} {
		assert.Check(t, new(User).parse([]byte(text)) != nil, text)
	}
}

// One thing is wrong at a time, and one question sees it.
func TestProbeResults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(u *User)
		id    string
		want  report.Status
		says  string
	}{
		{"nothing", func(*User) {}, "", report.OK, ""},
		{"another map", func(u *User) { u.Inside.Map.UID = idmap.Extents{{HostID: 5, Size: 9}} }, "probe-map", report.Error, "0:5:9"},
		{"a saved UID of root", func(u *User) { u.Outside.UIDs[2] = 0 }, "probe-root", report.Error, "[100000 100000 0 100000]"},
		{"a group of the host", func(u *User) { u.Outside.Groups[1] = 2 }, "probe-root", report.Error, "supplementary groups"},
		{"another user inside", func(u *User) { u.Inside.UIDs = allFour(3) }, "probe-root", report.Error, "started as 0:0"},
		{"no groups known", func(u *User) { u.By, u.Outside.Groups = ByTop, nil }, "", report.OK, ""},
		{"nobody saw it", func(u *User) { u.Err = errElsewhere }, "probe-root", report.Unknown, "not visible"},
		{"a file of root's", func(u *User) { u.Volume.UID = 0 }, "probe-volume", report.Error, "belongs to 0:100000"},
		{"a file that could not be written", func(u *User) { u.Volume.Written = errors.New("read-only") }, "probe-volume", report.Error, "cannot write"},
		{"a file that nobody saw", func(u *User) { u.Bind.Seen = host.ErrNone }, "probe-bind", report.Unknown, "ssh://"},
		{"no bind mount", func(u *User) { u.Bind = File{Written: host.ErrNone} }, "probe-bind", report.Unknown, "ssh://"},
	} {
		u := mapped(0)
		tc.spoil(&u)
		for _, r := range (Report{Map: idmap.Single(100000, 65536), Users: []User{u, mapped(1000)}}).Results() {
			want := report.OK
			if r.ID == tc.id {
				want = tc.want
				assert.Check(t, is.Contains(r.Message, tc.says), tc.name)
			}
			assert.Check(t, is.Equal(r.Status, want), "%s: %s: %s", tc.name, r.ID, r.Message)
		}
	}
	for _, r := range (Report{}).Results() {
		assert.Check(t, is.Equal(r.Status, report.Unknown), r.ID)
	}
}

// Whatever a container or an engine says, it is read and bounded.
func FuzzProbeSays(f *testing.F) {
	f.Add([]byte(says), uint32(8))
	f.Add([]byte("connected \"/a\\n\"\nrefused \"/b\" permission denied\nrefused /c\ndone\n"), uint32(1<<31))
	f.Fuzz(func(t *testing.T, text []byte, length uint32) {
		var u User
		if u.parse(text) == nil {
			_ = Report{Users: []User{u, u}}.Results()
			_ = Report{Users: []User{u}, Map: idmap.Single(1, 2)}.Results()
		}
		found, _ := parseConnected(string(text))
		assert.Assert(t, len(found) <= len(text))
		head := make([]byte, 8)
		binary.BigEndian.PutUint32(head[4:], length)
		var out limited
		_ = frame(bytes.NewReader(append(head, text...)), &out, &out)
		assert.Assert(t, len(out.kept) <= maxText)
	})
}
