package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Do runs a program on this machine, from a file in memory. It is killed when ctx ends.
func (local) Do(ctx context.Context, p Program, j Job, read func(output io.Reader) error) error {
	if err := checkCommand(Command{Args: append([]string{p.Name}, j.Args...)}); err != nil {
		return err
	}
	program, err := inMemory(p)
	if err != nil {
		return fmt.Errorf("preparing %s: %w", p.Name, err)
	}
	defer program.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, j.Wait, errSlow)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3", j.Args...)
	cmd.Args[0] = p.Name
	cmd.ExtraFiles = []*os.File{program}
	cmd.Stdin = bytes.NewReader(j.Stdin)
	cmd.WaitDelay = grace
	said := &tail{}
	cmd.Stderr = said
	detach(cmd)
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) } // what it has started, too
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running %s: %w", p.Name, err)
	}
	failed := read(output)
	_, _ = io.Copy(io.Discard, output) // it must be read to its end before Wait
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("running %s: %w", p.Name, context.Cause(ctx))
	case err != nil && failed == nil:
		return fmt.Errorf("running %s: %w: %s", p.Name, err, strings.TrimSpace(said.String()))
	}
	return failed
}

// inMemory unpacks a program for this machine into a file that only its descriptor leads
// to. It is open for reading: what is open for writing is not run (ETXTBSY).
func inMemory(p Program) (*os.File, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	machine := unix.ByteSliceToString(name.Machine[:])
	packed, ok := p.Builds[machine]
	if !ok {
		return nil, fmt.Errorf("this machine is %q: %w", machine, ErrNoBuild)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate(p.Name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), p.Name)
	defer file.Close()
	if _, err := io.Copy(file, z); err != nil {
		return nil, errors.Join(err, z.Close())
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
}
