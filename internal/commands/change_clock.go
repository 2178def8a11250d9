package commands

import (
	"fmt"
	"sync"
	"time"

	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker/cli/cli/streams"
)

// silence is how long nothing is said of work that goes on, if nobody looks at
// a terminal.
const silence = 30 * time.Second

// clock says how long a step goes on, and what it is at: every second in a line
// that is wiped again on a terminal, every 30 seconds in a line of its own
// otherwise.
type clock struct {
	w        *streams.Out
	every    time.Duration // 0: as above
	mu       sync.Mutex
	what     string
	finished chan struct{}
	stopped  sync.WaitGroup
}

// at says what the work is at now.
func (c *clock) at(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.what = what
}

// start counts from zero again.
func (c *clock) start(what string) {
	c.stop()
	c.at(what)
	c.finished = make(chan struct{})
	c.stopped.Add(1)
	go c.run(c.finished, time.Now())
}

func (c *clock) run(finished chan struct{}, began time.Time) {
	defer c.stopped.Done()
	terminal := c.w.IsTerminal()
	every := c.every
	if every == 0 {
		every = silence
		if terminal {
			every = time.Second
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for shown := false; ; {
		select {
		case <-finished:
			if shown {
				fmt.Fprint(c.w, "\r\x1b[K")
			}
			return
		case <-tick.C:
			c.mu.Lock()
			line := fmt.Sprintf("      %s: %s", time.Since(began).Round(time.Second), c.what)
			c.mu.Unlock()
			if !terminal {
				fmt.Fprintln(c.w, line)
				continue
			}
			_, width := c.w.GetTtySize()
			fmt.Fprintf(c.w, "\r\x1b[K%s", render.CutShort(line, int(width)-1))
			shown = true
		}
	}
}

// stop ends it, and wipes its line. It can be called again.
func (c *clock) stop() {
	if c.finished == nil {
		return
	}
	close(c.finished)
	c.finished = nil
	c.stopped.Wait()
}
