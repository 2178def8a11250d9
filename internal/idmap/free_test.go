package idmap

import (
	"math/rand/v2"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFree(t *testing.T) {
	distro := Policy{Min: 524288, Max: 600100000}
	// users are as useradd gives ranges to the first users of a host.
	users := func(n int) (used []Range) {
		for i := range n {
			used = append(used, Range{Start: 100000 + int64(i)*Default, Size: Default})
		}
		return used
	}
	const crowded = "100000-524287 has no 65536 IDs in a row that are free, and systemd-nspawn may pick these for a container of its own"
	for _, tc := range []struct {
		name   string
		used   []Range
		size   int64
		policy Policy
		want   Range
	}{
		{"nothing used", nil, Default, Policy{}, Range{Start: 100000, Size: 65536}},
		{"the first is taken", []Range{{Start: 100000, Size: 65536}}, Default, Policy{}, Range{Start: 165536, Size: 65536}},
		{"out of order, touching", []Range{{Start: 165536, Size: 65536}, {Start: 100000, Size: 65536}}, Default, Policy{}, Range{Start: 231072, Size: 65536}},
		{"an account in the way", []Range{{Start: 100123, Size: 1}}, Default, Policy{}, Range{Start: 165536, Size: 65536}},
		{"only an odd gap", []Range{{Start: 100000, Size: 400000 - 100000}, {Start: 470000, Size: 60000}}, Default, Policy{}, Range{Start: 400000, Size: 65536}},
		{"a distribution that begins in systemd's range", nil, Default, distro, Range{Start: 524288, Size: 65536}},
		{"a distribution without room", []Range{{Start: 524288, Size: 600100000}}, Default, distro, Range{Start: 100000, Size: 65536, Reason: "524288-600100000 has no 65536 IDs in a row that are free"}},
		{"six users", users(6), Default, Policy{}, Range{Start: 493216, Size: 65536, Reason: crowded}},
		{"seven users", users(7), Default, Policy{}, Range{Start: 558752, Size: 65536, Reason: crowded}},
		{"a hundred users", users(100), Default, Policy{}, Range{Start: 6653600, Size: 65536, Reason: crowded}},
		{"seven users, the second one gone", users(7)[1:], Default, Policy{}, Range{Start: 100000, Size: 65536}},
		{"above what login.defs allows", []Range{{Start: 100000, Size: 600000001}}, Default, Policy{}, Range{Start: 1879082656, Size: 65536, Reason: "100000-600100000 has no 65536 IDs in a row that are free"}},
		{"no room but in systemd's range", []Range{{Start: 100000, Size: 600000001}, {Start: 1879048192, Size: 1 << 29}}, Default, Policy{}, Range{Start: 600147616, Size: 65536,
			Reason: "100000-600100000 has no 65536 IDs in a row that are free, and systemd-nspawn may pick these for a container of its own"}},
		{"small", nil, 10, Policy{}, Range{Start: 100000, Size: 10}},
		{"a minimum below the accounts", nil, Default, Policy{Min: 1000, Max: 600100000}, Range{Start: 66536, Size: 65536}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Free(tc.used, tc.size, tc.policy)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, tc.want)
		})
	}
}

func TestFreeRefuses(t *testing.T) {
	_, err := Free([]Range{{Start: 0, Size: 1 << 31}}, Default, Policy{})
	assert.ErrorIs(t, err, ErrNoRange)
	for _, size := range []int64{0, -1, 1<<31 + 1} {
		_, err := Free(nil, size, Policy{})
		assert.ErrorContains(t, err, "the size has to be")
	}
}

// Free never gives what is used or what is never to be given, whatever is
// used; and where it gives nothing, nothing is there.
func TestFreeNeverOverlaps(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var used []Range
		for range r.IntN(40) {
			used = append(used, Range{Start: r.Int64N(1 << r.IntN(33)), Size: r.Int64N(1 << r.IntN(31))})
		}
		size := 1 + r.Int64N(1<<r.IntN(20))
		got, err := Free(used, size, Policy{Min: r.Int64N(1 << 20), Max: r.Int64N(1 << 31)})
		taken := append(used, Accounts, Foreign, High)
		if err != nil {
			for gap := range gaps(merge(taken), 100000, 1<<31) {
				assert.Assert(t, gap.Size < size, "%v is free", gap)
			}
			continue
		}
		assert.Equal(t, got.Size, size)
		assert.Equal(t, len(Overlaps([]Range{got}, taken)), 0, "%v", got)
	}
}

func FuzzFree(f *testing.F) {
	f.Add(int64(100000), int64(65536), int64(-1), int64(1<<62), int64(65536))
	f.Fuzz(func(t *testing.T, a, b, c, d, size int64) {
		used := []Range{{Start: a, Size: b}, {Start: c, Size: d}}
		got, err := Free(used, size, Policy{Min: c, Max: d})
		if err == nil && len(Overlaps([]Range{got}, used)) > 0 {
			t.Fatalf("%v overlaps %v", got, used)
		}
	})
}

func TestOverlaps(t *testing.T) {
	mine := []Range{{Start: 100000, Size: 65536}}
	got := Overlaps(mine, []Range{
		{Start: 165536, Size: 1, Reason: "touches"},
		{Start: 165535, Size: 9, Reason: "last"},
		{Start: 100001, Size: 2, Reason: "inside"},
		{Start: 0, Size: 1 << 62, Reason: "all"},
		{Start: 120000, Size: 0, Reason: "empty"},
	})
	assert.DeepEqual(t, got, []Range{
		{Start: 100000, Size: 65536, Reason: "all"},
		{Start: 100001, Size: 2, Reason: "inside"},
		{Start: 165535, Size: 1, Reason: "last"},
	})
	assert.Equal(t, got[1].String(), "100001-100002")
	assert.DeepEqual(t, Extents{{0, 5, 6}, {6, 7, 0}}.Ranges("r"), []Range{{5, 6, "r"}})
}

func TestSize(t *testing.T) {
	for _, tc := range []struct {
		e    Extents
		want int64
	}{
		{nil, 0},
		{Extents{{0, 5, 10}}, 10},
		{Extents{{10, 50, 5}, {0, 5, 10}}, 15},
		{Extents{{0, 5, 10}, {11, 50, 5}}, 10},
		{Extents{{1, 5, 10}}, 0},
		{Extents{{0, 5, 0}}, 0},
		{Extents{{20, 1, 5}, {10, 2, 10}, {0, 3, 10}}, 25},
		{Extents{{0, 5, 10}, {5, 50, 1<<63 - 1}}, 10},
	} {
		assert.Equal(t, tc.e.Size(), tc.want, "%v", tc.e)
	}
}
