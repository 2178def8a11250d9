//go:build linux

package carry

import (
	"encoding/hex"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

var (
	testMap = idmap.Map{
		UID: idmap.Extents{{ContainerID: 0, HostID: 100000, Size: 65536}},
		GID: idmap.Extents{{ContainerID: 0, HostID: 200000, Size: 1000}, {ContainerID: 1000, HostID: 300000, Size: 10}},
	}
	there = Shift{Map: testMap}
	back  = Shift{Map: testMap, Back: true}
)

func TestOwner(t *testing.T) {
	for _, c := range []struct {
		uid, gid, newUID, newGID uint32
		mapped                   bool
	}{
		{0, 0, 100000, 200000, true},
		{65535, 1009, 165535, 300009, true},
		{65536, 999, 65536, 200999, false},
		{1, 1010, 100001, 1010, false},
		{100000, 0, 100000, 200000, false}, // dockerd leaves this one as it is
		{1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1, false},
	} {
		uid, gid, mapped := there.Owner(c.uid, c.gid)
		assert.DeepEqual(t, []any{uid, gid, mapped}, []any{c.newUID, c.newGID, c.mapped})
		if c.mapped {
			uid, gid, mapped = back.Owner(uid, gid)
			assert.DeepEqual(t, []any{uid, gid, mapped}, []any{c.uid, c.gid, true})
		}
	}
}

func TestAttribute(t *testing.T) {
	const version2 = "0100000200040000000000000000000000000000"
	for _, c := range []struct {
		shift     Shift
		name      string
		old, want string
	}{
		{there, capability, version2, version2},
		{there, capability, "01000003" + version2[8:] + "e8030000", "01000003" + version2[8:] + "888a0100"}, // root 1000
		{back, capability, "01000003" + version2[8:] + "a0860100", version2},                                // the map's root
		{back, capability, "01000003" + version2[8:] + "888a0100", "01000003" + version2[8:] + "e8030000"},
		{there, capability, "0100", "0100"},
		{there, aclAccess, "02000000" + "0200060005000000" + "0800040005000000" + "10000500ffffffff", "02000000" + "02000600a5860100" + "08000400450d0300" + "10000500ffffffff"},
		{there, aclDefault, "02000000" + "0200060000000100", "02000000" + "0200060000000100"}, // beyond the map
		{there, aclDefault, "01000000" + "0200060005000000", "01000000" + "0200060005000000"}, // of another version
		{there, aclDefault, "02000000" + "02000600050000", "02000000" + "02000600050000"},
		{there, aclDefault, "", ""},
		{there, "user.x", "0200000002000600", "0200000002000600"},
	} {
		old, err := hex.DecodeString(c.old)
		assert.NilError(t, err)
		got, ok := c.shift.shifted(attribute{c.name, old}, true)
		assert.Assert(t, ok)
		assert.Equal(t, hex.EncodeToString(got.value), c.want, "%s %s", c.name, c.old)
		assert.Equal(t, hex.EncodeToString(old), c.old, "the source's is not changed")
	}
}

// Whatever an attribute holds, it is shifted there and back without loss or panic.
func FuzzAttribute(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x02\x00\x06\x00\x05\x00\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00"))
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, name := range []string{aclAccess, capability} {
			shifted, ok := there.shifted(attribute{name, value}, false)
			assert.Assert(t, ok && len(shifted.value) <= len(value))
			assert.Assert(t, name == capability || len(shifted.value) == len(value))
		}
	})
}
