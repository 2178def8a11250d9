package host

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseStatus(t *testing.T) {
	s := ParseStatus(strings.Split("Name:\tUid:\\n x\nState:\tS (sleeping)\nPPid:\t17\nUid:\t101000\t101001\t101002\t101003\nGid:\t1\t2\t3\t4\nGroups:\t5 6 \n", "\n"))
	assert.DeepEqual(t, s, Status{Name: `Uid:\n x`, State: "S", Parent: 17, UIDs: [4]int64{101000, 101001, 101002, 101003}, GIDs: [4]int64{1, 2, 3, 4}, Groups: []int64{5, 6}})
	assert.Check(t, s.Known() && !s.AllRoot() && !s.AnyRoot())
	for _, bad := range []string{"", "Uid:\t1\nGid:\t1\t1\t1\t1", "Uid\nGid", "Uid:\t1\t1\t1\t1", "Uid:\t-1\t0\t0\t0\nGid:\t1\t1\t1\t1", "Uid:\t4294967296\t0\t0\t0\nGid:\t1\t1\t1\t1"} {
		s := ParseStatus(strings.Split(bad, "\n"))
		assert.Check(t, !s.Known() && !s.AllRoot() && !s.AnyRoot(), "%q", bad)
	}
	assert.Check(t, ParseStatus([]string{"Uid:\t0\t0\t0\t0"}).AllRoot())
	setuid := ParseStatus([]string{"Uid:\t1000\t0\t0\t0"})
	assert.Check(t, !setuid.AllRoot() && setuid.AnyRoot())
	assert.DeepEqual(t, ParseStatus([]string{"Groups:\t7 x"}).Groups, []int64{7})
}
