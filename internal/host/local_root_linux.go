package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

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
// [Host] says. A path that leads over a symbolic link is an error: links of
// another root, and of files that came out of an image, may point anywhere.
func (r *ProcessRoot) ReadFiles(ctx context.Context, paths []string, each func(path string, body io.Reader, err error) error) error {
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.readFile(p, each); err != nil {
			return err
		}
	}
	return nil
}

func (r *ProcessRoot) readFile(p string, each func(path string, body io.Reader, err error) error) error {
	f, err := r.open(p)
	if err != nil {
		return each(p, nil, &fs.PathError{Op: "open", Path: p, Err: err})
	}
	defer f.Close()
	return each(p, f, nil)
}

// open walks down from the root, one directory after the other, and follows no
// link on the way. openat2(2) would do it in one call, from Linux 5.6 on.
func (r *ProcessRoot) open(p string) (*os.File, error) {
	dirs, name := path.Split(path.Clean("/" + p))
	fd, owned := int(r.dir.Fd()), false
	defer func() {
		if owned {
			unix.Close(fd)
		}
	}()
	for _, dir := range strings.FieldsFunc(dirs, func(c rune) bool { return c == '/' }) {
		next, err := unix.Openat(fd, dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		if owned {
			unix.Close(fd)
		}
		fd, owned = next, true
	}
	file, err := openRegular(fd, name)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(file), p), nil
}

// openRegular looks before it opens, since opening a device can do things.
func openRegular(dir int, name string) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, ErrNotRegular
	}
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
