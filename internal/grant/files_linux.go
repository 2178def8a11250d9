package grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/docker-userns/docker-userns/internal/host"
)

// maxDepth is how many directories deep a tree may be: each takes a file descriptor.
const maxDepth = 500

var errMounted = errors.New("something else is mounted there")

// A file is one that is worked on, by a handle that nothing can be put in the place of.
type file struct {
	fd   int
	path string // below the place; "." for itself
	mode fs.FileMode
	unix.Statx_t
}

// openFile opens a handle to what has a name in a directory, a link as itself.
func openFile(at int, name, path string) (*file, error) {
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := &file{fd: fd, path: path}
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME|unix.STATX_MNT_ID, &f.Statx_t); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	f.mode = host.FileMode(uint32(f.Mode))
	return f, nil
}

func (f *file) close() { _ = unix.Close(f.fd) } // a handle without access has nothing to write

// sameMount reports whether two files are on one mount, as far as the kernel tells:
// it has STATX_MNT_ID since 5.8.
func (f *file) sameMount(o *file) bool {
	return f.Dev_major == o.Dev_major && f.Dev_minor == o.Dev_minor && f.Mnt_id == o.Mnt_id
}

// openPlace opens a handle to an absolute path without following links. A strict one is
// refused if others than root could have put something in its place.
func openPlace(path string, strict bool) (*file, error) {
	f, err := openFile(unix.AT_FDCWD, "/", ".")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if strict && (f.Uid != 0 || f.mode.Perm()&0o022 != 0) {
			f.close()
			return nil, fmt.Errorf("others than root can write to a directory above %s", path)
		}
		next, err := openFile(f.fd, name, ".")
		f.close()
		if err != nil {
			return nil, err
		}
		f = next
	}
	if f.mode&fs.ModeSymlink != 0 {
		f.close()
		return nil, fmt.Errorf("%s is a link", path)
	}
	return f, nil
}

// each calls visit with a file, and if it is a directory with all in it, each directory
// before what it has. What was removed meanwhile is left out. What cannot be walked is told to
// skip, and left out too; without skip it is an error, and the end.
func (f *file) each(ctx context.Context, visit func(*file) error, skip func(path string, err error)) error {
	return walk{ctx, f, visit, skip}.file(f, 0)
}

type walk struct {
	ctx   context.Context
	top   *file
	visit func(*file) error
	skip  func(path string, err error)
}

var errDepth = fmt.Errorf("more than %d directories deep", maxDepth)

func (w walk) file(f *file, depth int) error {
	switch {
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case !f.sameMount(w.top):
		return w.cannot(f.path, errMounted)
	case depth > maxDepth:
		return w.cannot(f.path, errDepth)
	}
	if err := w.visit(f); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if !f.mode.IsDir() {
		return nil
	}
	fd, err := unix.Openat(f.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return w.cannot(f.path, err)
	}
	dir := os.NewFile(uintptr(fd), f.path)
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return w.cannot(f.path, err)
		}
		for _, name := range names {
			if err := w.entry(f, depth, name); err != nil {
				return err
			}
		}
	}
}

func (w walk) entry(f *file, depth int, name string) error {
	path := filepath.Join(f.path, name)
	entry, err := openFile(f.fd, name, path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return w.cannot(path, err)
	}
	defer entry.close()
	return w.file(entry, depth+1)
}

func (w walk) cannot(path string, err error) error {
	if w.skip == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	w.skip(path, err)
	return nil
}

func (f *file) proc() string { return fmt.Sprintf("/proc/self/fd/%d", f.fd) }

// The attributes that hold an ACL, and file capabilities: acl(5), capabilities(7).
const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
	capability = "security.capability"
)

// attribute reads an extended attribute, nil if the file has none.
func (f *file) attribute(name string) ([]byte, error) {
	if f.mode&fs.ModeSymlink != 0 {
		return nil, nil
	}
	const most = 64 << 10 // XATTR_SIZE_MAX
	value := make([]byte, 256)
	n, err := unix.Getxattr(f.proc(), name, value)
	if errors.Is(err, unix.ERANGE) {
		value = make([]byte, most)
		n, err = unix.Getxattr(f.proc(), name, value)
	}
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return value[:n], nil
}

// state reads the file's. On a file system without ACLs it has none.
func (f *file) state() (s state, err error) {
	s = state{UID: f.Uid, GID: f.Gid}
	if s.Access, err = f.attribute(aclAccess); err == nil && f.mode.IsDir() {
		s.Default, err = f.attribute(aclDefault)
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		return s, nil
	}
	return s, err
}

// set turns one state of the file into another one.
func (f *file) set(from, to state) error {
	if from.UID != to.UID || from.GID != to.GID {
		if err := unix.Fchownat(f.fd, "", int(to.UID), int(to.GID), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("change its owner: %w", err)
		}
	}
	for _, acl := range []struct {
		name     string
		from, to []byte
	}{{aclAccess, from.Access, to.Access}, {aclDefault, from.Default, to.Default}} {
		if bytes.Equal(acl.from, acl.to) {
			continue
		}
		err := f.setAttribute(acl.name, acl.to)
		if err != nil {
			return fmt.Errorf("change its ACL: %w", err)
		}
	}
	return nil
}

// setAttribute writes an ACL. The kernel makes one that names nobody the mode of a file; as
// the one of what is created in a directory it is removed.
func (f *file) setAttribute(name string, value []byte) error {
	if a, ok := parseACL(value); name == aclDefault && (!ok || !a.named()) {
		return unix.Removexattr(f.proc(), name)
	}
	return unix.Setxattr(f.proc(), name, value, 0)
}
