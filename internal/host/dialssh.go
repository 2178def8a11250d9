package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// DialHost leads to what listens on the host: see [StreamDialer].
func (h *sshHost) DialHost(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := checkAddr(network, addr); err != nil {
		return nil, err
	}
	if err := h.join(ctx); err != nil {
		return nil, err
	}
	if network == "unix" {
		return h.dialUnix(ctx, addr)
	}
	return h.dialTCP(ctx, addr)
}

// dialTCP is `ssh -W`, whose standard input and output are the stream.
func (h *sshHost) dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := h.shared.pipe(ctx, slices.Concat(h.shared.join(), []string{"-W", addr}, h.shared.args))
	if err != nil {
		return nil, fmt.Errorf("dialing %s on %s: %w", addr, h.spec.Host, err)
	}
	return &stream{Conn: conn, end: func() {}, silence: func(err error) error {
		_, said, ok := strings.Cut(err.Error(), "stderr=")
		switch {
		case !ok:
			return err
		case strings.Contains(strings.ToLower(said), "stdio forwarding"):
			said = "nothing listens there, or sshd forbids it (AllowTcpForwarding in sshd_config)"
		}
		return fmt.Errorf("dialing %s on %s: %s", addr, h.spec.Host, strings.TrimSpace(said))
	}}, nil
}

// dialUnix lets the shared connection listen on a socket of ours, since `ssh -W`
// knows no sockets.
func (h *sshHost) dialUnix(ctx context.Context, path string) (net.Conn, error) {
	dir, err := os.MkdirTemp("", "duns")
	if err != nil {
		return nil, fmt.Errorf("dialing %s on %s: %w", path, h.spec.Host, err)
	}
	local := filepath.Join(dir, "s")
	end := func() {
		_ = h.shared.forward(context.WithoutCancel(ctx), "cancel", local+":"+path) // a closed host has cancelled it
		os.RemoveAll(dir)
	}
	err = h.shared.forward(ctx, "forward", local+":"+path)
	var conn net.Conn
	if err == nil {
		conn, err = dialHere(ctx, "unix", local)
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("dialing %s on %s: %w", path, h.spec.Host, err)
	}
	return &stream{Conn: conn, end: end, silence: func(err error) error {
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		return fmt.Errorf("dialing %s on %s: it ended without a message: nothing listens there, its user may not connect, or sshd forbids it (AllowStreamLocalForwarding in sshd_config): %w", path, h.spec.Host, err)
	}}, nil
}

// forward asks the shared connection to begin or cancel a forwarding. The user's
// configuration stays out of it: its own forwardings would be begun and cancelled
// as well.
func (s *shared) forward(ctx context.Context, verb, what string) error {
	if s.control() == "" {
		return errors.New("this ssh does not share connections, which sockets take")
	}
	cmd := exec.CommandContext(ctx, s.program, "-F", os.DevNull, "-o", "ControlPath="+s.control(), "-O", verb, "-L", what, "--", "host")
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh -O %s: %w: %s", verb, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// A stream goes over ssh, which says too late that there is no other end.
type stream struct {
	net.Conn
	heard   atomic.Bool           // something was read
	silence func(err error) error // what it means where nothing was
	end     func()                // called once, after Close
	once    sync.Once
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.heard.Store(true)
	}
	if err != nil && !s.heard.Load() {
		err = s.silence(err)
	}
	return n, err
}

// CloseWrite ends what the other end reads, and nothing else.
func (s *stream) CloseWrite() error {
	return s.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

func (s *stream) Close() error {
	err := s.Conn.Close()
	s.once.Do(s.end)
	return err
}
