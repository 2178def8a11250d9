package host

import (
	"strings"
	"sync"
)

// tail keeps the last lines of a program's standard error. Empty lines are none:
// a shell writes one every now and then, see beat of the prelude.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 2048 // bytes

// Write takes in more lines.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range p {
		if c == '\r' {
			c = '\n'
		}
		if last := len(t.buf) - 1; c != '\n' || last >= 0 && t.buf[last] != '\n' {
			t.buf = append(t.buf, c)
		}
		if len(t.buf) >= 2*maxTail {
			t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
		}
	}
	return len(p), nil
}

// String gives the lines in one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.buf[max(0, len(t.buf)-maxTail):])
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; ")
}
