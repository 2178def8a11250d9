package image

import (
	"context"
	"io"
)

// ahead reads in a goroutine of its own, up to three buffers ahead of who
// reads from it, and gives up waiting where ctx is done: nothing else can
// interrupt a read of a terminal or a pipe.
type ahead struct {
	ctx  context.Context
	full chan chunk
	free chan []byte
	now  chunk
	rest []byte // of now
}

type chunk struct {
	b   []byte
	err error
}

const aheadSize = 256 << 10

func readAhead(ctx context.Context, r io.Reader) io.Reader {
	a := &ahead{ctx: ctx, full: make(chan chunk, 2), free: make(chan []byte, 4)}
	for range cap(a.free) {
		a.free <- make([]byte, aheadSize)
	}
	go a.fill(r)
	return a
}

// fill ends with the first error of r, or when ctx is done and r has answered.
func (a *ahead) fill(r io.Reader) {
	for {
		var c chunk
		select {
		case c.b = <-a.free:
		case <-a.ctx.Done():
			return
		}
		n, err := r.Read(c.b[:aheadSize])
		c.b, c.err = c.b[:n], err
		select {
		case a.full <- c:
		case <-a.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.b != nil {
			a.free <- a.now.b
		}
		select {
		case a.now = <-a.full:
			a.rest = a.now.b
		case <-a.ctx.Done():
			a.now = chunk{err: a.ctx.Err()}
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
