package host

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"sync/atomic"
)

// quiet is a connection to a daemon, which begins with an answer of HTTP. What
// stands before it comes from the login shell of the host.
type quiet struct {
	net.Conn
	host   string
	why    func() error // the host gives no shell, asked if the daemon says nothing at all; may be nil
	heard  int          // bytes of answerStart
	noise  error
	closed atomic.Bool
}

const answerStart = "HTTP/"

// Read fails if the other end begins with anything but an answer.
func (q *quiet) Read(p []byte) (int, error) {
	if q.noise != nil {
		return 0, q.noise
	}
	n, err := q.Conn.Read(p)
	expected := answerStart[q.heard:]
	if err != nil && n == 0 && q.heard == 0 && q.why != nil && !q.closed.Load() {
		return 0, cmp.Or(q.why(), err)
	}
	k := min(n, len(expected))
	if string(p[:k]) != expected[:k] {
		q.noise = q.listen(append([]byte(answerStart[:q.heard]), p[:n]...))
		return 0, q.noise
	}
	q.heard += k
	return n, err
}

// listen reads on, and says what the noise is: that of a login which goes on to
// the daemon, or of one that ends.
func (q *quiet) listen(noise []byte) error {
	for len(noise) <= window {
		if bytes.Contains(noise, []byte("\n"+answerStart)) {
			return fmt.Errorf("the login shell on %s prints %q before the daemon answers: its startup files (~/.bashrc, ~/.profile, /etc/profile) must print nothing if the shell is not interactive; begin them with: case $- in *i*) ;; *) return ;; esac", q.host, firstLine(noise))
		}
		more := make([]byte, 4096)
		n, err := q.Conn.Read(more)
		if noise = append(noise, more[:n]...); err != nil {
			return fmt.Errorf("reaching the daemon on %s: %w", q.host, &noShellError{said: firstLine(noise)})
		}
	}
	return fmt.Errorf("reaching the daemon on %s: %w", q.host, errNoise)
}

// Close ends the connection.
func (q *quiet) Close() error {
	q.closed.Store(true)
	return q.Conn.Close()
}

// CloseWrite ends what the other end reads, and nothing else.
func (q *quiet) CloseWrite() error {
	return q.Conn.(interface{ CloseWrite() error }).CloseWrite()
}
