package survey

import (
	"testing"

	"gotest.tools/v3/assert"
)

// The user of a container is the one that runc derives from its USER.
func TestConfigured(t *testing.T) {
	const passwd = "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\nnumber:x:1002:1003::/:/bin/sh\n"
	const group = "root:x:0:\nstaff:x:50:app,1004\nwheel:x:10:root\n"
	for name, tc := range map[string]struct {
		user string
		add  []string
		want Account
	}{
		"nobody in particular": {"", nil, Account{Groups: []int64{10}}},
		"a name":               {"app", nil, Account{UID: 1000, GID: 1001, Groups: []int64{50}}},
		"a number of the file": {"1000", nil, Account{UID: 1000, GID: 1001, Groups: []int64{50}}},
		"another number":       {"1004", nil, Account{UID: 1004}}, // nobody's name, though staff lists it
		"both":                 {"app:staff", nil, Account{UID: 1000, GID: 50}},
		"numbers":              {"7:8", nil, Account{UID: 7, GID: 8}},
		"a group only":         {":staff", nil, Account{GID: 50}},
		"more groups":          {"number", []string{"77", "staff", "missing"}, Account{UID: 1002, GID: 1003, Groups: []int64{50, 77}}},
	} {
		got := Container{User: tc.user, GroupAdd: tc.add}.configured(passwd, group)
		assert.NilError(t, got.Err, name)
		assert.DeepEqual(t, got.Value, tc.want)
	}
	for _, bad := range []string{"gone", "app:gone", "4294967296", "-1", "1000:-1"} {
		assert.ErrorIs(t, Container{User: bad}.configured(passwd, group).Err, errUser, bad)
	}
	for _, unread := range []string{"app", "app:app", "7:app"} {
		assert.ErrorIs(t, Container{User: unread}.configured("", "").Err, errUser, unread)
	}
}
