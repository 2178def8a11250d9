package ranges

import (
	"errors"
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func accounts() survey.Accounts {
	return survey.Accounts{
		Users:  []survey.Entry{{Name: "root"}, {Name: "nobody", ID: 65534, GID: 65534}, {Name: "dockremap", ID: 999, GID: 998}, {Name: "ci", ID: 165600, GID: 165600}, {Name: "solo", ID: 7, GID: 998}},
		Groups: []survey.Entry{{Name: "root"}, {Name: "nogroup", ID: 65534}, {Name: "dockremap", ID: 998}, {Name: "staff", ID: 50}},
	}
}

func facts(subuid, subgid string) survey.Facts {
	var f survey.Facts
	f.Engine.Value.Version = "28.5.2"
	f.Accounts.Value = accounts()
	f.SubUID.Value.Data = []byte(subuid)
	f.SubGID.Value.Data = []byte(subgid)
	return f
}

// The words are dockerd's own.
func TestResolve(t *testing.T) {
	dockremap := Account{Name: "dockremap", UID: 999}
	for _, tc := range []struct {
		value string
		want  Account
		err   string
	}{
		{value: "default", want: dockremap},
		{value: "dockremap", want: dockremap},
		{value: "dockremap:staff", want: dockremap},
		{value: "dockremap:50", want: dockremap},
		{value: "999:50", want: dockremap},
		{value: "0", want: Account{Name: "root", UID: 0}},
		{value: "a:b:c", err: `Invalid user/group specification in --userns-remap: "a:b:c"`},
		{value: "99999", err: `Uid 99999 has no entry in /etc/passwd: getent unable to find entry "99999" in passwd database`},
		{value: "999", err: `Gid 999 has no entry in /etc/group: getent unable to find entry "999" in group database`},
		{value: "nosuch", err: `Error during uid lookup for "nosuch": getent unable to find entry "nosuch" in passwd database`},
		{value: "4294967295", err: `Error during uid lookup for "4294967295": getent unable to find entry "4294967295" in passwd database`},
		{value: "nobody", err: `Error during gid lookup for "nobody": getent unable to find entry "nobody" in group database`},
		{value: "dockremap:nosuchgroup", err: `Error during groupname lookup for "nosuchgroup": getent unable to find entry "nosuchgroup" in group database`},
		{value: "dockremap:77", err: `Gid 77 has no entry in /etc/passwd: getent unable to find entry "77" in group database`},
	} {
		got, err := Resolve(accounts(), tc.value)
		if tc.err != "" {
			assert.Error(t, err, tc.err, tc.value)
			continue
		}
		assert.NilError(t, err, tc.value)
		assert.DeepEqual(t, got, tc.want)
	}
	got, err := Resolve(survey.Accounts{}, "default:nosuch")
	assert.NilError(t, err)
	assert.Assert(t, !got.Exists() && got.Name == "dockremap")
}

func TestPredict(t *testing.T) {
	f := facts("dockremap:100000:65536\n", "dockremap:200000:65536\n")
	m, refusal, unread := Predict(f, Find(accounts(), "dockremap"))
	assert.NilError(t, refusal)
	assert.NilError(t, unread)
	assert.Equal(t, m.Suffix(), "100000.200000")

	f.SubGID = survey.Read[survey.TextFile]{Err: fs.ErrNotExist}
	_, refusal, unread = Predict(f, Find(accounts(), "dockremap"))
	assert.Error(t, refusal, "Can't create ID mappings: open /etc/subgid: no such file or directory")
	assert.NilError(t, unread)

	f.SubGID.Err = fs.ErrPermission
	_, _, unread = Predict(f, Find(accounts(), "dockremap"))
	assert.ErrorIs(t, unread, fs.ErrPermission)

	f.SubUID.Value.Truncated = true
	_, _, unread = Predict(f, Find(accounts(), "dockremap"))
	assert.ErrorIs(t, unread, ErrTruncated)
}

func TestHeld(t *testing.T) {
	f := facts("alice:100000:65536\n999:165536:65536\nbad:x:1\n", "bob:300000:10\n")
	l, err := Split(f, Find(accounts(), "dockremap"))
	assert.NilError(t, err)
	assert.DeepEqual(t, l.Own(), Held{UID: []idmap.Range{{Start: 165536, Size: 65536, Reason: "subordinate UIDs of 999 (/etc/subuid, line 2)"}}})
	assert.DeepEqual(t, l.Subordinate(), Held{
		UID: []idmap.Range{{Start: 100000, Size: 65536, Reason: "subordinate UIDs of alice (/etc/subuid, line 1)"}},
		GID: []idmap.Range{{Start: 300000, Size: 10, Reason: "subordinate GIDs of bob (/etc/subgid, line 1)"}},
	})
	live := Live([]survey.LiveMap{
		{PIDs: []int{812}, Map: idmap.Map{UID: idmap.Single(231072, 65536).UID, GID: idmap.Single(100000, 65536).GID}},
		{Map: idmap.Map{UID: idmap.Single(100001, 5).UID}},
	}, idmap.Single(100000, 65536))
	assert.DeepEqual(t, live, Held{UID: []idmap.Range{{Start: 231072, Size: 65536, Reason: "process 812, which runs now"}}})
}

func TestChoose(t *testing.T) {
	f := facts("alice:100000:65536\n", "bob:231072:65536\n")
	f.Maps.Value = []survey.LiveMap{{PIDs: []int{1}, Map: idmap.Map{UID: idmap.Single(296608, 65536).UID}}}
	f.Accounts.Value.LoginDefs.Data = []byte("# SUB_UID_MIN 5\nSUB_UID_MIN\t\t   100000\nSUB_UID_MAX 600100000\nSUB_GID_MIN 0x186A0\nSUB_GID_MAX 500000000\n")
	r, err := Choose(f, Find(accounts(), "dockremap"), idmap.Default)
	assert.NilError(t, err)
	// 165536 has the account ci in it, 231072 is bob's, 296608 runs.
	assert.DeepEqual(t, r, idmap.Range{Start: 362144, Size: 65536})

	f.Accounts.Err = errors.New("no")
	_, err = Choose(f, Account{Name: "dockremap", UID: -1}, idmap.Default)
	assert.ErrorContains(t, err, "listing the accounts: no")
	f.Accounts.Err, f.SubUID.Err = nil, fs.ErrPermission
	_, err = Choose(f, Account{Name: "dockremap", UID: -1}, idmap.Default)
	assert.ErrorIs(t, err, fs.ErrPermission)
}

func TestPolicy(t *testing.T) {
	var a survey.Accounts
	assert.DeepEqual(t, Policy(a), idmap.Policy{})
	a.LoginDefs.Data = []byte("SUB_UID_MIN 524288\nSUB_GID_MIN 600000\nSUB_UID_MAX 9\nSUB_GID_MAX 8\nSUB_UID_COUNT x\n")
	assert.DeepEqual(t, Policy(a), idmap.Policy{Min: 600000, Max: 8})
}
