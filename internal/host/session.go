package host

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
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
// started by the first request, and again after it broke.
type session struct {
	name    string // of the host, for errors
	command func() *exec.Cmd
	ask     Ask // called once, if the shell was refused; may be nil

	turn   chan struct{} // held by one request at a time
	shell  *shell
	closed bool
	over   context.Context // ends the request that has its turn
	end    context.CancelFunc
	up     flag // the shell has answered, and is not known to be broken
}

func newSession(name string, command func() *exec.Cmd) *session {
	s := &session{name: name, command: command, turn: make(chan struct{}, 1), up: newFlag()}
	s.over, s.end = context.WithCancel(context.Background())
	return s
}

// connect waits until the host has answered, or until early says that it can be reached
// before that, and starts the shell if there is none. It does not wait for its turn.
// early may be nil.
func (s *session) connect(ctx context.Context, early <-chan struct{}) error {
	if s.up.isSet() {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- s.do(ctx, request{}, func(*shell) error { return nil }) }()
	select {
	case <-s.up.set():
		return nil
	case <-early:
		return nil
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A shell is a running session.
type shell struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Closer
	answer  *allowance
	frames  *frames
	stderr  *tail
	uid     string // what `id -u` says there
	refusal string // why that is not root, where sudo said so

	greeted func() // called when uid is known
}

// A request is what one round trip asks, and what its answer may take.
type request struct {
	script string
	bytes  int64
	wait   time.Duration
	// acts says that the script changes the host: it is let to end, whatever
	// becomes of the connection. One that only looks ends with the connection.
	acts bool
}

// String is the request as the shell reads it. A script that looks runs next to
// the shell, which so sees that its input ends: see leave of the prelude.
func (r request) String() string {
	if r.acts {
		return "{ trap - 0 1 15\n" + r.script + "\n:; } </dev/null 2>/dev/null; trap leave 0 1 15\n"
	}
	return "${look:+wait $look}\n{ " + r.script + "\n:; } </dev/null 2>/dev/null &\nlook=$!\n"
}

// do sends a request and reads its answer: one round trip. If read fails, or ctx
// ends, the shell is given up, since nobody knows what it would say next.
func (s *session) do(ctx context.Context, r request, read func(*shell) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.closed {
		return errClosed
	}
	refused, err := s.try(ctx, r, read)
	if refused && s.ask != nil && ctx.Err() == nil {
		ask := s.ask
		s.ask = nil
		if err := ask(ctx); err != nil {
			return fmt.Errorf("reaching %s: asking for a password: %w", s.name, err)
		}
		_, err = s.try(ctx, r, read)
	}
	return err
}

// try is one attempt; refused says that there was no shell to talk to.
func (s *session) try(ctx context.Context, r request, read func(*shell) error) (refused bool, err error) {
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
	err = sh.exchange(r, fresh, read)
	if !stop() { // ctx ended, and the shell with it
		err = ctx.Err()
	}
	if err == nil {
		return false, nil
	}
	s.shell = nil
	s.up.lower()
	return sh.uid == "", s.explain(sh, err)
}

// start runs the shell and sends nothing yet.
func (s *session) start() error {
	number := make([]byte, 16)
	rand.Read(number)
	mark := hex.EncodeToString(number)
	sh := &shell{cmd: s.command(), stderr: &tail{}}
	sh.greeted = func() { s.up.raise() }
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
	sh.answer = &allowance{r: out, end: sh.kill}
	sh.in, sh.out, sh.frames = in, out, newFrames(sh.answer, mark)
	s.shell = sh
	return nil
}

// exchange sends a request and reads the answer. The first one sends the
// definitions along, so that connecting costs no round trip of its own.
func (sh *shell) exchange(r request, fresh bool, read func(*shell) error) error {
	text := r.String()
	if fresh {
		mark := strings.TrimSpace(string(sh.frames.mark))
		text = fmt.Sprintf("mark=%s small=%d\n", mark, smallFile) + prelude + "\nprintf '\\n%s' \"$uid\"; b 0; printf %s \"$refusal\"; b 0\n" + text
	}
	if fresh {
		sh.answer.grant(2*window, loginTime)
	} else {
		sh.answer.grant(r.bytes, r.wait)
	}
	_, sent := io.WriteString(sh.in, text)
	if fresh {
		if err := sh.greet(); err != nil {
			return err
		}
		sh.answer.grant(r.bytes, r.wait)
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
	var none *noShellError
	switch said := sh.stderr.String(); {
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &none):
		return fmt.Errorf("reaching %s: %w", s.name, err)
	case said != "":
		return fmt.Errorf("reaching %s: %s", s.name, said)
	case none != nil:
		return fmt.Errorf("reaching %s: %w", s.name, none)
	}
	return fmt.Errorf("reaching %s: the connection ended before the answer did", s.name)
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
		_, _ = io.WriteString(s.shell.in, "bye\n") // there is nothing that it would have to end
		s.shell.in.Close()
		s.shell.wait()
		s.shell = nil
		s.up.lower()
	}
	return nil
}
