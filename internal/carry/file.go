//go:build linux

package carry

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// file copies what is not a folder, and tells the state that it copied.
func (d *folder) file(name string) (*unix.Stat_t, error) {
	// A handle without access: to open a device, or a fifo, has effects of its own.
	handle, err := unix.Openat(int(d.source.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, gone(err)
	}
	defer unix.Close(handle)
	var st unix.Stat_t
	if err := unix.Fstat(handle, &st); err != nil {
		return nil, err
	}
	if !d.fresh {
		if err := d.remove(name); err != nil {
			return nil, fmt.Errorf("replace the copy: %w", err)
		}
	}
	d.touched.Store(true)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		err = d.regular(name, handle, &st)
	case unix.S_IFLNK:
		err = d.symlink(name, handle, &st)
	case unix.S_IFDIR:
		return nil, errGone
	default:
		err = unix.Mknodat(int(d.target.Fd()), name, st.Mode, int(st.Rdev))
		if err == nil {
			err = d.special(name, handle, &st)
		}
	}
	if err != nil {
		return nil, err
	}
	d.Progress.Copied.Add(1)
	return &st, nil
}

func (d *folder) symlink(name string, handle int, st *unix.Stat_t) error {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(handle, "", b)
	if err != nil {
		return gone(err)
	}
	if err := unix.Symlinkat(string(b[:n]), int(d.target.Fd()), name); err != nil {
		return err
	}
	return d.special(name, handle, st)
}

// special gives a file that cannot be opened, such as a device, its attributes.
func (d *folder) special(name string, handle int, st *unix.Stat_t) error {
	made, err := unix.Openat(int(d.target.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(made)
	return d.attributes(made, d.attributesOf(handle), st, d.fresh)
}

func (d *folder) regular(name string, handle int, st *unix.Stat_t) error {
	source, err := os.OpenFile(fdPath(handle), os.O_RDONLY|unix.O_NOATIME, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	flagged(d.Progress, int(source.Fd()))
	fd, err := unix.Openat(int(d.target.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	target := os.NewFile(uintptr(fd), name)
	if st.Size > 0 {
		err = d.content(target, source, st)
	}
	if err == nil {
		err = d.attributes(fd, d.attributesOf(int(source.Fd())), st, d.fresh)
	}
	return errors.Join(err, target.Close())
}

// content copies the content, and its holes.
func (d *folder) content(target, source *os.File, st *unix.Stat_t) error {
	if d.Live {
		const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
		if err := unix.SyncFileRange(int(source.Fd()), 0, 0, all); err != nil {
			return fmt.Errorf("write back what was changed: %w", err)
		}
	}
	if st.Blocks*512 >= st.Size {
		return d.data(target, source, 0, st.Size)
	}
	for at := int64(0); at < st.Size; {
		from, err := unix.Seek(int(source.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole up to the end
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(source.Fd()), from, unix.SEEK_HOLE)
		if err != nil {
			return gone(err)
		}
		if err := d.data(target, source, from, min(end, st.Size)-from); err != nil {
			return err
		}
		at = end
	}
	return target.Truncate(st.Size)
}

// data copies one run of bytes. A file system that can share them does.
func (d *folder) data(target, source *os.File, at, n int64) error {
	const small, step = 64 << 10, 16 << 20
	from, to := at, at
	for n > small {
		if d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		done, err := unix.CopyFileRange(int(source.Fd()), &from, int(target.Fd()), &to, int(min(n, step)), 0)
		if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
			break // as with another file system
		}
		if err != nil {
			return err
		}
		if done == 0 {
			return nil // it was cut off meanwhile
		}
		n -= int64(done)
		d.Progress.Bytes.Add(int64(done))
	}
	buffer, _ := d.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new(make([]byte, 128<<10))
	}
	defer d.buffers.Put(buffer)
	for n > 0 && d.ctx.Err() == nil {
		done, err := source.ReadAt((*buffer)[:min(n, int64(len(*buffer)))], from)
		if _, err := target.WriteAt((*buffer)[:done], to); err != nil {
			return err
		}
		d.Progress.Bytes.Add(int64(done))
		from, to, n = from+int64(done), to+int64(done), n-int64(done)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return d.ctx.Err()
}

// flagged counts a file with a flag of chattr(1) that keeps even root from changing it.
func flagged(p *Progress, fd int) {
	const immutable, appendOnly = 0x10, 0x20 // FS_IMMUTABLE_FL, FS_APPEND_FL of linux/fs.h
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err == nil && flags&(immutable|appendOnly) != 0 {
		p.Flagged.Add(1)
	}
}
