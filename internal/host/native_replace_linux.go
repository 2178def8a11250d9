package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func (local) Replace(ctx context.Context, f File) error {
	if err := errors.Join(checkPaths([]string{f.Path}), ctx.Err()); err != nil {
		return err
	}
	old, err := os.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case old.Mode()&fs.ModeSymlink != 0:
		return &fs.PathError{Op: "replace", Path: f.Path, Err: ErrSymlink}
	case !old.Mode().IsRegular():
		return &fs.PathError{Op: "replace", Path: f.Path, Err: ErrNotRegular}
	}
	temp, err := writeBeside(f, old)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, f.Path); err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(filepath.Dir(f.Path))
}

// writeBeside writes the new body, with all that the old file had, to a
// temporary file in the same folder.
func writeBeside(f File, old fs.FileInfo) (path string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(f.Path), ".docker-userns.*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, temp.Close()); err != nil {
			os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(f.Data); err != nil {
		return "", err
	}
	if old == nil {
		err = errors.Join(temp.Chown(f.UID, f.GID), temp.Chmod(f.Mode.Perm()))
	} else {
		err = keep(f.Path, temp)
	}
	return temp.Name(), errors.Join(err, temp.Sync())
}

// keep gives a file the owner, mode and extended attributes of another: POSIX
// ACLs and SELinux labels are among the latter.
func keep(old string, temp *os.File) error {
	var st unix.Stat_t
	if err := unix.Lstat(old, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: old, Err: err}
	}
	if err := temp.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(int(temp.Fd()), st.Mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: temp.Name(), Err: err}
	}
	return keepAttrs(old, temp)
}

func keepAttrs(old string, temp *os.File) error {
	names := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Llistxattr(old, names)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "listxattr", Path: old, Err: err}
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for _, name := range zeroed(names[:n], n+1) {
		n, err := unix.Lgetxattr(old, name, value)
		if err == nil {
			err = unix.Fsetxattr(int(temp.Fd()), name, value[:n], 0)
		}
		if err != nil {
			return &fs.PathError{Op: "keeping attribute " + name + " of", Path: old, Err: err}
		}
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
