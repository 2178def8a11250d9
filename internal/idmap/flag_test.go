package idmap

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseFlag(t *testing.T) {
	apart := Map{UID: Extents{{0, 100000, 65536}}, GID: Extents{{0, 200000, 1000}, {1000, 300000, 1}}}
	for _, tc := range []struct {
		values []string
		want   Map
		text   string
	}{
		{[]string{"0:100000:65536"}, Single(100000, 65536), "0:100000:65536"},
		{[]string{"uid=0:100000:65536,gid=0:200000:1000", "gid=1000:300000:1"}, apart, "uid=0:100000:65536,gid=0:200000:1000,gid=1000:300000:1"},
		{[]string{"uid=0:5:1", "gid=0:5:1"}, Single(5, 1), "0:5:1"},
		{[]string{"0:0:4294967295"}, Single(0, 4294967295), "0:0:4294967295"},
	} {
		got, err := ParseFlag(tc.values)
		assert.NilError(t, err)
		assert.DeepEqual(t, got, tc.want)
		assert.Equal(t, got.String(), tc.text)
	}
}

func TestParseFlagErrors(t *testing.T) {
	for value, want := range map[string]string{
		"":                              "it is not of the form CONTAINER:HOST:SIZE (fields: 1)",
		"100000:65536":                  "it is not of the form CONTAINER:HOST:SIZE (fields: 2)",
		"0:100000:65536,":               "it is not of the form CONTAINER:HOST:SIZE (fields: 1)",
		"0:x:1":                         `"x" is not a number from 0 to 4294967295`,
		"0:-1:1":                        `"-1" is not a number`,
		"0:1:0":                         "a size of less than 1 maps nothing",
		"0:4294967295:1":                "it reaches past 4294967294",
		"user=0:1:1":                    `"user" is neither uid nor gid`,
		"=0:1:1":                        `"" is neither uid nor gid`,
		"uid=0:1:1":                     "it maps no GIDs",
		"gid=0:1:1":                     "it maps no UIDs",
		"0:1:10,9:100:1":                "its container IDs overlap those of 0:1:10",
		"0:1:10,10:10:1":                "its host IDs overlap those of 0:1:10",
		"0:100000:65536,gid=5:700000:1": "its container IDs overlap those of 0:100000:65536",
	} {
		_, err := ParseFlag([]string{value})
		assert.ErrorContains(t, err, want, value)
		assert.ErrorContains(t, err, "write CONTAINER:HOST:SIZE, as in 0:100000:65536")
	}
	_, err := ParseFlag(nil)
	assert.ErrorContains(t, err, "it maps no UIDs")
}

func TestParseFlagBound(t *testing.T) {
	var items []string
	for i := range MaxExtents + 1 {
		items = append(items, Extent{int64(i), int64(1000 + i), 1}.String())
	}
	_, err := ParseFlag(items[:MaxExtents])
	assert.NilError(t, err)
	_, err = ParseFlag([]string{strings.Join(items, ",")})
	assert.ErrorContains(t, err, "no more than 340 extents")
}

func FuzzParseFlag(f *testing.F) {
	f.Add("0:100000:65536")
	f.Add("uid=0:100000:65536,gid=0:200000:1000")
	f.Fuzz(func(t *testing.T, value string) {
		m, err := ParseFlag([]string{value})
		if err != nil {
			return
		}
		again, err := ParseFlag([]string{m.String()})
		assert.NilError(t, err)
		assert.DeepEqual(t, again, m)
	})
}
