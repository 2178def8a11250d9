package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ProcessRoot is the file system as a process sees it, which may be another one
// than ours: a daemon may run in a container, or in a mount namespace.
type ProcessRoot struct {
	PID int
	dir *os.File
}

// OpenProcessRoot opens /proc/PID/root, for which this process has to be root
// (PTRACE_MODE_READ_FSCREDS, proc(5)).
func OpenProcessRoot(pid int) (*ProcessRoot, error) {
	name := fmt.Sprintf("/proc/%d/root", pid)
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &ProcessRoot{PID: pid, dir: os.NewFile(uintptr(fd), name)}, nil
}

// Close lets go of the process's file system.
func (r *ProcessRoot) Close() error { return r.dir.Close() }

// ReadFiles hands the body of each file to each, in the order of paths, as
// [Host] says. Links lead where they lead for the process.
func (r *ProcessRoot) ReadFiles(ctx context.Context, paths []Path, each func(p Path, body io.Reader, err error) error) error {
	return readEach(ctx, paths, r.Open, each)
}

// Open opens a regular file, as ReadFiles does.
func (r *ProcessRoot) Open(p Path) (*os.File, error) {
	root := int(r.dir.Fd())
	if p.Root == "" {
		return openInside(root, p.Name)
	}
	inner, err := resolveInside(root, p.Root)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p.Root, Err: err}
	}
	defer unix.Close(inner)
	return openInside(inner, p.Name)
}

// Names lists a directory.
func (r *ProcessRoot) Names(dir string) ([]string, error) {
	fd, err := resolveInside(int(r.dir.Fd()), dir)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	open, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	f := os.NewFile(uintptr(open), dir)
	defer f.Close()
	names, err := f.Readdirnames(MaxNames)
	if err == io.EOF {
		err = nil // it is empty
	}
	return names, err
}
