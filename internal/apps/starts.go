package apps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Starts asks how long containers take to start.
type Starts struct {
	Count    int      `yaml:"count"` // 1 to MaxStarts
	P95      Duration `yaml:"p95"`   // the most that the P95 may be; no limit where 0
	Baseline string   `yaml:"baseline"`
}

// MaxStarts is the most starts that are timed: some minutes' worth.
const MaxStarts = 1000

// Percentile is the smallest of the durations that at least p percent of them
// do not exceed (nearest rank); 0 of none. p is 1 to 100.
func Percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// Time starts containers one after the other. The first one is not counted: it
// reads what the others find in memory. An error ends it.
func (s Starts) Time(ctx context.Context, p *probe.Probe) ([]time.Duration, error) {
	var all []time.Duration
	for i := range s.Count + 1 {
		took, err := p.Start(ctx)
		if err != nil {
			return all, fmt.Errorf("start %d of %d: %w", i, s.Count, err)
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	return all, nil
}

// check times starts, and makes a result of it.
func (s Starts) check(ctx context.Context, p *probe.Probe) report.Result {
	all, err := s.Time(ctx, p)
	switch {
	case errors.Is(err, probe.ErrImage):
		return report.Unread("how long containers take to start", err)
	case err != nil:
		return report.Fail("containers do not start: %v", err)
	}
	now := Baseline{Starts: len(all), P50: Percentile(all, 50), P95: Percentile(all, 95)}
	if s.Baseline == "" {
		return s.result(now, nil)
	}
	before, err := loadBaseline(s.Baseline)
	switch {
	case err != nil:
		return report.Unsure("could not compare the start times: %v", err)
	case before == nil:
		if err := now.save(s.Baseline); err != nil {
			return report.Unsure("could not compare the start times: %v", err)
		}
		r := s.result(now, nil)
		r.Message += "; recorded in " + s.Baseline
		return r
	}
	return s.result(now, before)
}

// slower is how many times the P95 of before is too slow: the limit that the
// runbook rolls back at is three times the usual.
const slower = 3

// result compares what was measured with the limit, and with what was
// measured before.
func (s Starts) result(now Baseline, before *Baseline) report.Result {
	text := fmt.Sprintf("%s: P50 %s, P95 %s", report.Count(now.Starts, "start"), rounded(now.P50), rounded(now.P95))
	if before != nil {
		text += fmt.Sprintf("; before P50 %s, P95 %s", rounded(before.P50), rounded(before.P95))
	}
	switch limit := time.Duration(s.P95); {
	case limit > 0 && now.P95 > limit:
		return report.Fail("containers start more slowly than the limit of %s: %s", limit, text)
	case before != nil && now.P95 > slower*before.P95:
		return report.Fail("containers start more than %d times slower than before: %s", slower, text)
	}
	return report.Pass("%s", text)
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
