package idmap

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestFromProc(t *testing.T) {
	e := FromProc([]string{"      1000     300000        536", "         0     100000       1000", "x y z", "1 2", ""})
	assert.DeepEqual(t, e, Extents{{ContainerID: 0, HostID: 100000, Size: 1000}, {ContainerID: 1000, HostID: 300000, Size: 536}})
	for id, want := range map[int64]bool{99999: false, 100000: true, 100999: true, 101000: false, 300535: true, 300536: false} {
		assert.Equal(t, e.Holds(id), want, id)
	}
}

func TestToContainer(t *testing.T) {
	e := FromProc([]string{"         0     300000       1000", "      1000     100000      64536"})
	for hostID, want := range map[int64]int64{300000: 0, 300999: 999, 100000: 1000, 164535: 65535, 0: 65534, 301000: 65534} {
		assert.Equal(t, e.ToContainer(hostID), want)
	}
	assert.Equal(t, FromProc([]string{ProcIdentity}).ToContainer(7), int64(7))
	assert.Equal(t, FromProc([]string{"garbage"}).ToContainer(7), int64(65534))
}

func TestSame(t *testing.T) {
	a := Single(100000, 65536)
	two := Map{UID: Extents{{0, 100000, 10}, {10, 5, 1}}, GID: a.GID}
	turned := Map{UID: Extents{{10, 5, 1}, {3, 4, 0}, {0, 100000, 10}}, GID: a.GID}
	assert.Assert(t, a.Same(a) && two.Same(turned) && turned.Same(two))
	assert.Assert(t, !a.Same(two) && !a.Same(Map{UID: a.UID}) && !a.Same(Single(100000, 65535)))
}
