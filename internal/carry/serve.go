//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxJob bounds a job, in bytes.
const maxJob = 16 << 20

// Serve is the program on a host: it does what args say. For finish it writes the
// [Result] alone, otherwise messages. The error is what is not told in these.
func Serve(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 2 && args[0] == verbFinish {
		if err := EndWithParent(); err != nil {
			return err
		}
		r, err := Finish(ctx, args[1], max(4, runtime.NumCPU()))
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(r)
	}
	if len(args) != 1 {
		return errors.New("usage: carry measure | prepare | check | finish TO")
	}
	var j Job
	if err := json.NewDecoder(io.LimitReader(in, maxJob)).Decode(&j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	s := &server{out: json.NewEncoder(out)}
	if err := s.do(ctx, args[0], j); err != nil {
		return s.say(message{Error: err.Error()})
	}
	return s.say(message{Done: true})
}

// EndWithParent has the kernel kill this process with the one that started it: an undo that
// comes after that one was killed must find nobody who goes on with the change. It is for the
// thread that asks, which has to stay.
func EndWithParent() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("end together with the change: %w", err)
	}
	if os.Getppid() == 1 {
		return errors.New("the change that started this has ended")
	}
	return nil
}

type server struct {
	mu  sync.Mutex
	out *json.Encoder
	at  string
}

func (s *server) say(m message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Encode(m)
}

func (s *server) do(ctx context.Context, verb string, j Job) error {
	if err := StepBack(); err != nil {
		return err
	}
	switch verb {
	case verbMeasure:
		m, err := j.Measure(ctx, workers())
		return errors.Join(err, s.say(message{Measured: &m}))
	case verbPrepare:
		return s.prepare(ctx, j)
	case verbCheck:
		ctx, cancel := context.WithTimeout(ctx, checkTime)
		defer cancel()
		c, err := j.Check(ctx)
		return errors.Join(err, s.say(message{Compared: &c}))
	}
	return fmt.Errorf("%q is no verb of carry", verb)
}

// checkTime is how long a check may take.
const checkTime = 20 * time.Second

// workers is how many files are copied at a time, while the engine and its containers run.
func workers() int { return min(4, max(2, runtime.NumCPU())) }

// A pass is repeated as long as it takes longer than passTime, since what is written
// while it goes on is left to the last one, for which the daemon is down.
const (
	passTime  = 5 * time.Second
	maxPasses = 3
)

// prepare copies, until little is left to copy. The program itself is put next to the
// notes, for whoever finishes the twin.
func (s *server) prepare(ctx context.Context, j Job) error {
	for pass := range maxPasses {
		begun := time.Now()
		if err := s.pass(ctx, j, pass); err != nil {
			return err
		}
		if time.Since(begun) < passTime {
			break
		}
	}
	return installIn(filepath.Join(j.To, notes))
}

// pass copies once, and says every second how far it is. If nobody listens any more, the
// copy ends.
func (s *server) pass(ctx context.Context, j Job, number int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &Progress{}
	said := make(chan struct{})
	go func() {
		defer close(said)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := s.tell(p, number); err != nil {
					cancel(err)
				}
			}
		}
	}()
	err := j.Prepare(ctx, workers(), p, func(what string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.at = what
	})
	cancel(nil)
	<-said
	return errors.Join(err, s.tell(p, number+1))
}

// tell says how far a copy is.
func (s *server) tell(p *Progress, passes int) error {
	s.mu.Lock()
	at := s.at
	s.mu.Unlock()
	return s.say(message{State: &State{
		Bytes: p.Bytes.Load(), Files: p.Copied.Load() + p.Unchanged.Load(), At: at, Passes: passes, Flagged: p.Flagged.Load(),
	}})
}

// programFile is the program in the notes of a twin.
const programFile = "copier"

// installIn puts the running program into a folder, whole or not at all.
func installIn(folder string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("keep the program for the last pass: %w", err)
	}
	if err := writeFile(filepath.Join(folder, programFile), program, 0o700); err != nil {
		return fmt.Errorf("keep the program for the last pass: %w", err)
	}
	return nil
}

// StepBack gives this process the least share of the processor and of the disk: see
// nice(2), and IOPRIO_CLASS_IDLE in ioprio_set(2). Both are for one thread, which those
// that it starts inherit.
func StepBack() error {
	const whoProcess, idle = 1, 3 << 13
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		_ = unix.Setpriority(unix.PRIO_PROCESS, id, 19) // a courtesy, not a need
		_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(id), idle)
	}
	return nil
}
