package host

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

//go:embed prelude.sh
var prelude string

// grace is how long a shell may take to end once its input has ended.
const grace = 2 * time.Second

// errClosed: the host was closed.
var errClosed = errors.New("the connection to the host was closed")

// A session is a POSIX shell somewhere that reads its program from standard
// input: definitions first, then one command group for each request. It is
// started by the first request, and anew where it broke.
type session struct {
	name    string // of the host, for errors
	command func() *exec.Cmd
	ask     Ask // called once, where the shell was refused; may be nil

	turn   chan struct{} // held by one request at a time
	shell  *shell
	closed bool
	over   context.Context // ends the request that has its turn
	end    context.CancelFunc
	up     atomic.Bool // the shell has answered, and is not known to be broken
}

func newSession(name string, command func() *exec.Cmd) *session {
	s := &session{name: name, command: command, turn: make(chan struct{}, 1)}
	s.over, s.end = context.WithCancel(context.Background())
	return s
}

// connect waits until the host has answered, or ready says that it can be reached
// before, starting the shell where there is none. It does not wait for its turn.
func (s *session) connect(ctx context.Context, ready func() bool) error {
	if s.up.Load() {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- s.do(ctx, "", func(*shell) error { return nil }) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !s.up.Load() && !ready() {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// A shell is a running session.
type shell struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Closer
	frames  *frames
	stderr  *tail
	uid     string // what `id -u` says there
	refusal string // why that is not root, where sudo said so

	greeted func() // called when uid is known
}

// do sends a script and reads its answer: one round trip. Where read fails, or
// ctx ends, the shell is given up, since nobody knows what it would say next.
func (s *session) do(ctx context.Context, script string, read func(*shell) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.closed {
		return errClosed
	}
	refused, err := s.try(ctx, script, read)
	if refused && s.ask != nil && ctx.Err() == nil {
		ask := s.ask
		s.ask = nil
		if err := ask(ctx); err != nil {
			return fmt.Errorf("reaching %s: asking for a password: %w", s.name, err)
		}
		_, err = s.try(ctx, script, read)
	}
	return err
}

// try is one attempt; refused says that there was no shell to talk to.
func (s *session) try(ctx context.Context, script string, read func(*shell) error) (refused bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	fresh := s.shell == nil
	if fresh {
		if err := s.start(); err != nil {
			return true, err
		}
	}
	sh := s.shell
	defer context.AfterFunc(s.over, sh.kill)()
	stop := context.AfterFunc(ctx, sh.kill)
	err = sh.exchange("{ "+script+"\n:; } </dev/null 2>/dev/null\n", fresh, read)
	if !stop() { // ctx ended, and the shell with it
		err = ctx.Err()
	}
	if err == nil {
		return false, nil
	}
	s.shell = nil
	s.up.Store(false)
	return sh.uid == "", s.explain(sh, err)
}

// start runs the shell and sends nothing yet.
func (s *session) start() error {
	number := make([]byte, 16)
	rand.Read(number)
	mark := hex.EncodeToString(number)
	sh := &shell{cmd: s.command(), stderr: &tail{}}
	sh.greeted = func() { s.up.Store(true) }
	sh.cmd.Stderr = sh.stderr
	sh.cmd.WaitDelay = grace
	out, err := sh.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("reaching %s: %w", s.name, err)
	}
	in, err := sh.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("reaching %s: %w", s.name, err)
	}
	if err := sh.cmd.Start(); err != nil {
		return fmt.Errorf("reaching %s: %w", s.name, err)
	}
	sh.in, sh.out, sh.frames = in, out, newFrames(out, mark)
	s.shell = sh
	return nil
}

// exchange sends a request and reads the answer. The first one sends the
// definitions along, so that connecting costs no round trip of its own.
func (sh *shell) exchange(request string, fresh bool, read func(*shell) error) error {
	if fresh {
		mark := strings.TrimSpace(string(sh.frames.mark))
		request = fmt.Sprintf("mark=%s small=%d\n", mark, smallFile) + prelude + "\nprintf '\\n%s' \"$uid\"; b 0; printf %s \"$refusal\"; b 0\n" + request
	}
	_, sent := io.WriteString(sh.in, request)
	if fresh {
		hello, _, _, err := sh.frames.record(window)
		if err != nil {
			return err
		}
		// Whatever a login script printed stands before it.
		fields := strings.Fields(string(hello))
		if len(fields) > 0 {
			sh.uid = fields[len(fields)-1]
		}
		refusal, _, _, err := sh.frames.record(1024)
		if err != nil {
			return err
		}
		sh.refusal = strings.Join(strings.Fields(string(refusal)), " ")
		sh.greeted()
	}
	if err := read(sh); err != nil {
		return err
	}
	return sent
}

// explain ends a broken shell, and adds what it said on standard error.
func (s *session) explain(sh *shell, err error) error {
	sh.kill()
	sh.wait()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		said := cmp.Or(sh.stderr.String(), "the connection ended before the answer did")
		return fmt.Errorf("reaching %s: %s", s.name, said)
	}
	return fmt.Errorf("reaching %s: %w", s.name, err)
}

// kill asks the shell to end, and ends its input and output: that reaches a
// shell too that this process may not signal, as one that sudo started.
func (sh *shell) kill() {
	if sh.cmd.Process.Signal(syscall.SIGTERM) != nil {
		sh.cmd.Process.Kill()
	}
	sh.in.Close()
	sh.out.Close()
}

// wait gives the shell a while to end, and then no more choice.
func (sh *shell) wait() {
	ended := make(chan struct{})
	go func() {
		sh.cmd.Wait() // its exit code is that of the last command, and says nothing
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(grace):
		sh.cmd.Process.Kill()
	}
}

// close ends the shell in good order: it lets a request end that has its turn, for
// a while.
func (s *session) close() error {
	late := time.AfterFunc(grace, s.end)
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	late.Stop()
	s.closed = true
	if s.shell != nil {
		s.shell.in.Close()
		s.shell.wait()
		s.shell = nil
		s.up.Store(false)
	}
	return nil
}

// tail keeps the last lines of a program's standard error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 2048; over > 0 {
		t.buf = append([]byte(nil), t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.FieldsFunc(string(t.buf), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
