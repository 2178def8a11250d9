//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// sizeOf adds up the files of a tree, each once, as du(1) does. Links are not followed,
// and no mount is entered: one is an error unless there may be mounts. unmapped are those with an owner that is not shifted.
func sizeOf(ctx context.Context, path string, mounts bool, shift Shift) (size Size, unmapped int64, err error) {
	top, err := openFolder(unix.AT_FDCWD, path)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return size, 0, fmt.Errorf("%s is not a folder", path)
	}
	if err != nil {
		return size, 0, fmt.Errorf("%s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(top.Fd()), &st); err != nil {
		return size, 0, errors.Join(err, top.Close())
	}
	s := sizer{ctx: ctx, mounts: mounts, shift: shift, device: st.Dev, links: map[uint64]bool{}}
	s.count(&st)
	if err := s.folder(top, 0); err != nil {
		return s.Size, s.unmapped, fmt.Errorf("%s: %w", path, err)
	}
	return s.Size, s.unmapped, nil
}

type sizer struct {
	Size
	ctx      context.Context
	mounts   bool
	shift    Shift
	unmapped int64
	device   uint64
	links    map[uint64]bool // files with several names that were counted
}

func (s *sizer) count(st *unix.Stat_t) {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		if s.links[st.Ino] {
			return
		}
		s.links[st.Ino] = true
	}
	s.add(Size{Bytes: st.Blocks * 512, Files: 1})
	if _, _, mapped := s.shift.Owner(st.Uid, st.Gid); !mapped {
		s.unmapped++
	}
}

func (s *sizer) folder(f *os.File, depth int) error {
	defer f.Close()
	if depth > MaxDepth {
		return errDepth
	}
	for s.ctx.Err() == nil {
		names, err := f.Readdirnames(1000)
		if errors.Is(err, io.EOF) || errors.Is(gone(err), errGone) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.entry(f, name, depth); err != nil {
				return err
			}
		}
	}
	return s.ctx.Err()
}

func (s *sizer) entry(f *os.File, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(gone(err), errGone) {
			return nil
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	if st.Dev != s.device {
		if s.mounts {
			return nil
		}
		return fmt.Errorf("%s: %w", name, errMount)
	}
	s.count(&st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	sub, err := openFolder(int(f.Fd()), name)
	if errors.Is(gone(err), errGone) {
		return nil
	}
	if err == nil {
		err = s.folder(sub, depth+1)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}
