package render

import (
	"fmt"
	"sync"
	"time"

	"github.com/docker/cli/cli/streams"
)

// silence is how long nothing is said of work that goes on, if nobody looks at
// a terminal.
const silence = 30 * time.Second

// Clock says how long a step goes on, and what it is at: every second in a line
// that is wiped again on a terminal, every 30 seconds in a line of its own
// otherwise.
type Clock struct {
	w        *streams.Out
	every    time.Duration // 0: as above
	mu       sync.Mutex
	what     string
	finished chan struct{}
	stopped  sync.WaitGroup
}

// NewClock makes one that writes to w.
func NewClock(w *streams.Out) *Clock { return &Clock{w: w} }

// At says what the work is at now.
func (c *Clock) At(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.what = what
}

// Start counts from zero again.
func (c *Clock) Start(what string) {
	c.Stop()
	c.At(what)
	c.finished = make(chan struct{})
	c.stopped.Add(1)
	go c.run(c.finished, time.Now())
}

func (c *Clock) run(finished chan struct{}, began time.Time) {
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
			fmt.Fprintf(c.w, "\r\x1b[K%s", CutShort(line, int(width)-1))
			shown = true
		}
	}
}

// Stop ends it, and wipes its line. It can be called again.
func (c *Clock) Stop() {
	if c.finished == nil {
		return
	}
	close(c.finished)
	c.finished = nil
	c.stopped.Wait()
}
