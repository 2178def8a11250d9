package apps

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/report"
)

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i))
	}
	for _, tc := range []struct {
		all  []time.Duration
		p    int
		want time.Duration
	}{
		{nil, 95, 0},
		{[]time.Duration{7}, 1, 7},
		{[]time.Duration{7}, 100, 7},
		{[]time.Duration{3, 1, 2}, 50, 2},
		{[]time.Duration{4, 3, 1, 2}, 50, 2},
		{hundred[:20], 95, 99},
		{hundred, 50, 50},
		{hundred, 95, 95},
		{hundred, 100, 100},
		{hundred, 1, 1},
	} {
		assert.Check(t, is.Equal(Percentile(tc.all, tc.p), tc.want), "P%d of %d", tc.p, len(tc.all))
	}
	assert.Equal(t, hundred[0], time.Duration(100), "the caller's order was changed")
}

func TestStartsAreJudged(t *testing.T) {
	now := Baseline{Starts: 20, P50: time.Second, P95: 3 * time.Second}
	for _, tc := range []struct {
		name   string
		starts Starts
		before *Baseline
		want   report.Status
		says   string
	}{
		{"no limit", Starts{}, nil, report.OK, "20 starts: P50 1s, P95 3s"},
		{"at the limit", Starts{P95: Duration(3 * time.Second)}, nil, report.OK, "P95 3s"},
		{"over the limit", Starts{P95: Duration(2 * time.Second)}, nil, report.Error, "more slowly than the limit of 2s"},
		{"three times", Starts{}, &Baseline{20, time.Second, time.Second}, report.OK, "before P50 1s, P95 1s"},
		{"more than three times", Starts{}, &Baseline{20, 900 * time.Millisecond, 900 * time.Millisecond}, report.Error, "more than 3 times slower"},
	} {
		got := tc.starts.result(now, tc.before)
		assert.Check(t, is.Equal(got.Status, tc.want), tc.name)
		assert.Check(t, is.Contains(got.Message, tc.says), tc.name)
	}
}

func TestBaselineFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "starts.json")
	none, err := loadBaseline(path)
	assert.Assert(t, none == nil && err == nil)
	want := Baseline{Starts: 20, P50: 250 * time.Millisecond, P95: 1234567 * time.Microsecond}
	assert.NilError(t, want.save(path))
	got, err := loadBaseline(path)
	assert.NilError(t, err)
	assert.DeepEqual(t, *got, want)
	siblings, err := os.ReadDir(filepath.Dir(path))
	assert.NilError(t, err)
	assert.Equal(t, len(siblings), 1)
	for _, text := range []string{
		"", "{", "[]", `{"schemaVersion":1}`, `{"schemaVersion":2,"starts":1,"p50Milliseconds":1,"p95Milliseconds":1}`,
		`{"schemaVersion":1,"starts":1,"p50Milliseconds":2,"p95Milliseconds":1}`, `{"schemaVersion":1,"starts":1,"p50Milliseconds":1,"p95Milliseconds":1e300}`,
		`{"schemaVersion":1,"starts":1,"p50Milliseconds":1,"p95Milliseconds":1,"more":1}`,
	} {
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := loadBaseline(path)
		assert.Check(t, is.ErrorContains(err, "remove the file to record another"), text)
	}
	_, err = loadBaseline(t.TempDir())
	assert.Check(t, is.ErrorContains(err, "reading the baseline"))
	assert.Check(t, is.ErrorContains(want.save(filepath.Join(path, "x")), "recording the baseline"))
}
