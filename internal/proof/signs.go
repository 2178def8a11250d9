package proof

import (
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
)

// Signs are what was seen of a host while a change soaks: whether containers
// start and how long that takes, the health endpoint, the socket.
type Signs struct {
	starts, health, socket streak
	took                   []time.Duration
}

// streak counts failures in a row.
type streak struct {
	length int
	last   error
}

func (s *streak) add(err error) {
	if s.last = err; err == nil {
		s.length = 0
	} else {
		s.length++
	}
}

const (
	// inARow is how often in a row something has to fail before a change is
	// undone for it: one lost packet is no reason to stop all containers.
	inARow = 3
	// fewest starts say nothing of the slowest one in twenty.
	fewestStarts = 5
)

// Started adds one start of a container.
func (s *Signs) Started(took time.Duration, err error) {
	s.starts.add(err)
	if err == nil {
		s.took = append(s.took, took)
	}
}

// Health adds an answer of the health endpoint.
func (s *Signs) Health(err error) { s.health.add(err) }

// Socket adds an attempt to talk to the socket.
func (s *Signs) Socket(err error) { s.socket.add(err) }

// Bad says why the change has to be undone, or nil: three failures in a row of
// one kind, or starts whose 95th percentile is over a limit.
func (s *Signs) Bad(p95 time.Duration) error {
	for _, k := range []struct {
		streak
		what string
	}{{s.starts, "containers do not start"}, {s.health, "the health endpoint is bad"}, {s.socket, "the socket does not answer"}} {
		if k.length >= inARow {
			return fmt.Errorf("%s, %d times in a row: %w", k.what, k.length, k.last)
		}
	}
	if slow := apps.Percentile(s.took, 95); len(s.took) >= fewestStarts && slow > p95 {
		return fmt.Errorf("containers start slowly: the 95th percentile of %d starts is %s, over the limit of %s", len(s.took), slow.Round(time.Millisecond), p95)
	}
	return nil
}
