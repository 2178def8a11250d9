package idmap

import (
	"testing"

	"gotest.tools/v3/assert"
)

// edges are ranges at the edges of what 32 bits hold.
var edges = []struct {
	start, size int64
	want        string
}{
	{0, 1, ""},
	{100000, 65536, ""},
	{4294901759, 65536, ""},
	{4294967294, 1, ""},
	{0, 4294967295, ""},
	{4294967295, 1, "past 4294967294"},
	{4294901760, 65536, "past 4294967294"},
	{4294967296, 65536, "past 4294967294"},
	{4294967296, 4294967296, "past 4294967294"},
	{1, 1<<63 - 1, "past 4294967294"},
	{1<<63 - 1, 1<<63 - 1, "past 4294967294"},
	{5, 0, "maps nothing"},
	{5, -1, "maps nothing"},
	{-1, 2, "below 0"},
}

func TestErr(t *testing.T) {
	for _, e := range edges {
		err := Range{Start: e.start, Size: e.size}.Err()
		outside := Extent{HostID: e.start, Size: e.size}.Err()
		inside := Map{UID: Extents{{0, 0, 1}}, GID: Extents{{ContainerID: e.start, Size: e.size}}}.Err()
		if e.want == "" {
			assert.NilError(t, err)
			assert.NilError(t, outside)
			assert.NilError(t, inside)
			continue
		}
		assert.ErrorContains(t, err, e.want, "%d:%d", e.start, e.size)
		assert.ErrorContains(t, outside, e.want)
		assert.ErrorContains(t, inside, e.want)
	}
	assert.ErrorContains(t, Map{UID: make(Extents, MaxExtents+1)}.Err(), "of 341 ranges")
}
