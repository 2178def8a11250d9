package render

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker/cli/cli/streams"
	"github.com/mattn/go-runewidth"
)

// patience is how long nothing is said of work that goes on.
const patience = 700 * time.Millisecond

// Progress says on a terminal what is going on, in one line that is wiped when
// it ends. On anything else it is silent.
type Progress struct {
	w        *streams.Out
	mu       sync.Mutex
	layers   int
	shown    bool
	finished chan struct{}
	stopped  sync.WaitGroup
}

// NewProgress makes one that writes to w.
func NewProgress(w *streams.Out) *Progress { return &Progress{w: w} }

// Start begins a line about some work.
func (p *Progress) Start(what string) {
	p.layers = 0
	if !p.w.IsTerminal() {
		return
	}
	p.finished = make(chan struct{})
	p.stopped.Add(1)
	go p.run(what, p.finished)
}

func (p *Progress) run(what string, finished chan struct{}) {
	defer p.stopped.Done()
	began := time.Now()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			p.mu.Lock()
			_, width := p.w.GetTtySize()
			line := fmt.Sprintf(" … %s read, %s", report.Count(p.layers, "layer"), time.Since(began).Round(time.Second))
			fmt.Fprintf(p.w, "\r\x1b[K%s%s", CutShort(what, int(width)-1-runewidth.StringWidth(line)), line)
			p.shown = true
			p.mu.Unlock()
		}
	}
}

// Stop wipes the line.
func (p *Progress) Stop() {
	if p.finished == nil {
		return
	}
	close(p.finished)
	p.finished = nil
	p.stopped.Wait()
	p.wipe()
}

// Say prints a line for the user, terminal or not.
func (p *Progress) Say(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintln(p.w, escape.Line(s))
}

func (p *Progress) wipe() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// Counting is a visitor that counts the layers for the progress line.
type Counting struct {
	image.Visitor
	*Progress
}

// Layer reads one layer, and counts it.
func (c Counting) Layer(ctx context.Context, blob string, headers tarwalk.Headers) error {
	err := c.Visitor.Layer(ctx, blob, headers)
	c.Count()
	return err
}

// Count counts a layer that was read.
func (p *Progress) Count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.layers++
}
