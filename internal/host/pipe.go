package host

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/docker/cli/cli/connhelper/commandconn"
)

// pipe runs an ssh whose standard input and output are the connection.
func (s *shared) pipe(ctx context.Context, args []string) (net.Conn, error) {
	conn, err := commandconn.New(ctx, s.program, args...)
	if err != nil {
		return nil, err
	}
	return &pipe{Conn: conn}, nil
}

// A pipe waits a while for its ssh to end, and no longer. An ssh that joined a
// connection has handed its standard error over to the one that has it, and that
// one holds it open for as long as it believes in a connection that is dead.
type pipe struct {
	net.Conn
	once sync.Once
	err  error // of Close
}

// CloseWrite ends what the other end reads, and nothing else.
func (p *pipe) CloseWrite() error {
	return p.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

func (p *pipe) Close() error {
	p.once.Do(func() {
		closed := make(chan error, 1)
		go func() { closed <- p.Conn.Close() }()
		select {
		case p.err = <-closed:
		case <-time.After(grace):
		}
	})
	return p.err
}
