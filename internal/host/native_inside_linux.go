package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// openPath opens a regular file: see [Path]. What is none is not opened: opening a
// fifo waits, and opening a device can do anything.
func openPath(p Path) (*os.File, error) {
	if p.Root == "" {
		return openFile(p.Name)
	}
	root, err := unix.Open(p.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p.Root, Err: err}
	}
	defer unix.Close(root)
	return openInside(root, p.Name)
}

// openInside opens a regular file of the tree below a directory that is open.
func openInside(root int, name string) (*os.File, error) {
	fd, err := resolveInside(root, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	if isKernelFile(fd) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	return reopen(fd, name)
}

// openFile opens a regular file of the host's own, symlinks followed.
func openFile(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	return reopen(fd, name)
}

// reopen opens what O_PATH has found, which nobody can exchange any more.
func reopen(fd int, name string) (*os.File, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = ErrNotRegular
	}
	if err == nil {
		fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// isKernelFile reports whether a file is of /proc, /sys or their like: some of these
// are regular files by name, and reading them waits, or takes something away.
func isKernelFile(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return true
	}
	switch uint32(st.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
		unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC:
		return true
	}
	return false
}

// maxLinks is how many symlinks one path may lead over, as in the kernel.
const maxLinks = 40

// walks says that the kernel has no openat2(2), which came with Linux 5.6.
var walks atomic.Bool

// resolveInside finds a path below root, without opening what is there.
func resolveInside(root int, name string) (int, error) {
	if !walks.Load() {
		fd, err := unix.Openat2(root, name, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
		})
		switch {
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM): // or a filter of system calls does not know it
			walks.Store(true)
		case !errors.Is(err, unix.EAGAIN): // something was renamed meanwhile
			return fd, err
		}
	}
	return walkInside(root, name)
}

// walkInside does the same with one open for each part of the path. It holds the
// directories that it came through, so that ".." leads back to them, wherever they
// are by then.
func walkInside(root int, name string) (int, error) {
	w := walk{root: root}
	defer w.close()
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			w.up()
			continue
		}
		target, err := w.down(part)
		switch {
		case err != nil:
			return -1, err
		case target == "":
			continue
		}
		if links++; links > maxLinks {
			return -1, unix.ELOOP
		}
		if target[0] == '/' {
			w.close()
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return unix.FcntlInt(uintptr(w.at()), unix.F_DUPFD_CLOEXEC, 0)
}

// walk is where a walk has come to: the directories below root, open.
type walk struct {
	root int
	dirs []int
}

func (w *walk) at() int {
	if len(w.dirs) == 0 {
		return w.root
	}
	return w.dirs[len(w.dirs)-1]
}

func (w *walk) up() {
	if len(w.dirs) > 0 {
		unix.Close(w.at())
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
}

func (w *walk) close() {
	for len(w.dirs) > 0 {
		w.up()
	}
}

// down goes to a name, or gives the target if it is a symlink.
func (w *walk) down(name string) (target string, err error) {
	fd, err := unix.Openat(w.at(), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		w.dirs = append(w.dirs, fd)
		return "", nil
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err == nil && n == 0 {
		err = unix.ENOENT
	}
	return string(buf[:n]), err
}
