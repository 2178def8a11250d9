package proof

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// The conditions of the runbook, and what is none of them.
func TestReasonsToUndo(t *testing.T) {
	bad := errors.New("refused")
	for _, tc := range []struct {
		name string
		see  func(s *observations)
		want string
	}{
		{"nothing seen", func(*observations) {}, ""},
		{"two failures", func(s *observations) { s.started(0, bad); s.started(0, bad) }, ""},
		{"three starts in a row", func(s *observations) { s.started(0, bad); s.started(0, bad); s.started(0, bad) }, "containers do not start, 3 times in a row: refused"},
		{"a good one between", func(s *observations) {
			s.health.add(bad)
			s.health.add(bad)
			s.health.add(nil)
			s.health.add(bad)
			s.health.add(bad)
		}, ""},
		{"health", func(s *observations) { s.health.add(bad); s.health.add(bad); s.health.add(bad) }, "the health endpoint is bad"},
		{"socket", func(s *observations) { s.socket.add(bad); s.socket.add(bad); s.socket.add(bad) }, "the socket does not answer"},
		{"one of each", func(s *observations) { s.health.add(bad); s.socket.add(bad); s.started(0, bad) }, ""},
		{"slow", func(s *observations) { startsOf(s, 1, 1, 1, 1, 31) }, "the 95th percentile of 5 starts is 31s, over the limit of 30s"},
		{"slow once in twenty", func(s *observations) { startsOf(s, 31, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) }, ""},
		{"too few", func(s *observations) { startsOf(s, 40, 40) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s observations
			tc.see(&s)
			err := s.undo(30 * time.Second)
			if tc.want == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func startsOf(s *observations, seconds ...int) {
	for _, n := range seconds {
		s.started(time.Duration(n)*time.Second, nil)
	}
}

// A soak goes on for days: each round begins with a new subject, so that what its
// rounds are answered is not summed up.
func TestSoakHasANewSubjectEachRound(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://" + server.Listener.Addr().String()))
	assert.NilError(t, err)
	rounds := 0
	p := &Proof{
		Options: Options{Soak: time.Minute},
		Target:  func() verify.Target { rounds++; return verify.Target{} },
		probe:   &probe.Probe{API: c, Host: host.None{}},
		renew:   func(context.Context) error { return errors.New("that is enough") },
	}
	assert.ErrorContains(t, p.soak(t.Context()), "that is enough")
	assert.Equal(t, rounds, 1)
}
