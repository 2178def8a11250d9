//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// free is what is free on the file system of a path for root.
func free(path string) (Size, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Size{}, fmt.Errorf("%s: %w", path, err)
	}
	s := Size{Bytes: int64(st.Bfree) * st.Bsize, Files: int64(st.Ffree)}
	if st.Files == 0 {
		s.Files = -1 // btrfs and others make inodes as they need them
	}
	return s, nil
}

// How much is written to see how fast a disk is, and for how long at most.
const (
	trialBytes = 128 << 20
	trialFiles = 2000
	trialTime  = time.Second
)

// speed writes to the file system of a folder, in files without a name.
func speed(ctx context.Context, folder string, free int64) (Size, error) {
	bytes, err := bytesASecond(ctx, folder, min(trialBytes, free/8))
	if err != nil {
		return Size{}, fmt.Errorf("writing to see how fast %s is: %w", folder, err)
	}
	files, err := filesASecond(ctx, folder)
	if err != nil {
		return Size{}, fmt.Errorf("making files to see how fast %s is: %w", folder, err)
	}
	return Size{Bytes: bytes, Files: files}, nil
}

// nameless makes a file that is gone when it is closed.
func nameless(folder string) (*os.File, error) {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		f, err := os.CreateTemp(folder, notes+"-*")
		if err != nil {
			return nil, err
		}
		return f, os.Remove(f.Name())
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), folder), nil
}

func bytesASecond(ctx context.Context, folder string, most int64) (int64, error) {
	f, err := nameless(folder)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * i >> 3) // no zeros, which some disks do not write
	}
	begun, written := time.Now(), int64(0)
	for ctx.Err() == nil && written < most && time.Since(begun) < trialTime {
		n, err := f.Write(block)
		if err != nil {
			return 0, err
		}
		written += int64(n)
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return 0, err
	}
	return int64(float64(written) / max(time.Since(begun).Seconds(), 0.001)), ctx.Err()
}

func filesASecond(ctx context.Context, folder string) (int64, error) {
	begun, made := time.Now(), 0
	for ctx.Err() == nil && made < trialFiles && time.Since(begun) < trialTime {
		f, err := nameless(folder)
		if err != nil {
			return 0, err
		}
		_, err = f.WriteString("a small file")
		if err = errors.Join(err, f.Chown(1, 1), f.Chmod(0o644), f.Close()); err != nil {
			return 0, err
		}
		made++
	}
	return int64(float64(made) / max(time.Since(begun).Seconds(), 0.001)), ctx.Err()
}
