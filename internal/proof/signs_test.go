package proof

import (
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// The conditions of the runbook, and what is none of them.
func TestSigns(t *testing.T) {
	bad := errors.New("refused")
	for _, tc := range []struct {
		name string
		see  func(s *Signs)
		want string
	}{
		{"nothing seen", func(*Signs) {}, ""},
		{"two failures", func(s *Signs) { s.Started(0, bad); s.Started(0, bad) }, ""},
		{"three starts in a row", func(s *Signs) { s.Started(0, bad); s.Started(0, bad); s.Started(0, bad) }, "containers do not start, 3 times in a row: refused"},
		{"a good one between", func(s *Signs) { s.Health(bad); s.Health(bad); s.Health(nil); s.Health(bad); s.Health(bad) }, ""},
		{"health", func(s *Signs) { s.Health(bad); s.Health(bad); s.Health(bad) }, "the health endpoint is bad"},
		{"socket", func(s *Signs) { s.Socket(bad); s.Socket(bad); s.Socket(bad) }, "the socket does not answer"},
		{"one of each", func(s *Signs) { s.Health(bad); s.Socket(bad); s.Started(0, bad) }, ""},
		{"slow", func(s *Signs) { startsOf(s, 1, 1, 1, 1, 31) }, "the 95th percentile of 5 starts is 31s, over the limit of 30s"},
		{"slow once in twenty", func(s *Signs) { startsOf(s, 31, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) }, ""},
		{"too few", func(s *Signs) { startsOf(s, 40, 40) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Signs
			tc.see(&s)
			err := s.Bad(30 * time.Second)
			if tc.want == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func startsOf(s *Signs, seconds ...int) {
	for _, n := range seconds {
		s.Started(time.Duration(n)*time.Second, nil)
	}
}
