//go:build linux

package carry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How much of a twin is compared: files of each layer and volume, and bytes of each file.
const (
	sampleFiles  = 50
	sampleBytes  = 1 << 20
	maxDiffering = 10
)

// Check compares a sample of the files of a complete twin with what they were copied
// from: type, mode, size, times, content, and owners by the map. What was written to the
// twin since it was complete is passed over. At the end of ctx it tells what it has.
func (j Job) Check(ctx context.Context) (Compared, error) {
	var c Compared
	if err := j.valid(); err != nil {
		return c, err
	}
	complete, err := os.Stat(filepath.Join(j.To, notes, "complete"))
	if err != nil {
		return c, fmt.Errorf("the copy %s is not complete: %w", j.To, err)
	}
	placed := j.To
	if j.merges() { // the notes stay where the twin was made
		placed = j.Place
	}
	for path, shift := range j.trees() {
		s := sampler{Compared: &c, shift: shift, complete: complete.ModTime(), left: sampleFiles}
		from, to := filepath.Join(j.From, path), filepath.Join(placed, path)
		if err := s.tree(ctx, from, to); err != nil {
			return c, fmt.Errorf("compare %s with %s: %w", to, from, err)
		}
	}
	return c, nil
}

// trees are the folders that have files of images, volumes and containers, below both
// data roots, and how the owners of the files are shifted.
func (j Job) trees() map[string]Shift {
	trees := map[string]Shift{}
	for _, id := range j.Images {
		chains, _ := j.chains(strings.TrimPrefix(id, "sha256:")) // or it was removed
		for _, chain := range chains {
			if folder, err := j.word(filepath.Join(layerStore, chain, "cache-id"), cacheID); err == nil {
				trees[filepath.Join(driver, folder, "diff")] = j.shift()
			}
		}
	}
	for _, name := range j.Volumes {
		if j.hasVolume(name) {
			trees[filepath.Join("volumes", name, "_data")] = j.volumeShift(name)
		}
	}
	for _, c := range j.Containers {
		layers, _ := j.layersOfContainer(c.ID)
		for _, id := range layers {
			trees[filepath.Join(driver, id, "diff")] = j.containerShift(c)
		}
	}
	return trees
}

type sampler struct {
	*Compared
	shift    Shift
	complete time.Time
	left     int // files to compare of this tree
}

func (s *sampler) tree(ctx context.Context, from, to string) error {
	a, err := openFolder(unix.AT_FDCWD, from)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := openFolder(unix.AT_FDCWD, to)
	if errors.Is(err, unix.ENOENT) {
		s.differ(to, "it is missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer b.Close()
	return s.folder(ctx, a, b, to, 0)
}

func (s *sampler) folder(ctx context.Context, from, to *os.File, path string, depth int) error {
	for s.left > 0 && ctx.Err() == nil && depth <= MaxDepth && len(s.Differ) < maxDiffering {
		names, err := from.Readdirnames(batch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if s.left <= 0 {
				return nil
			}
			if err := s.entry(ctx, from, to, name, filepath.Join(path, name), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sampler) entry(ctx context.Context, from, to *os.File, name, path string, depth int) error {
	var a, b unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), name, &a, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	err := unix.Fstatat(int(to.Fd()), name, &b, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		if changed(to, s.complete) {
			s.Changed++
		} else {
			s.differ(path, "it is missing")
		}
		return nil
	}
	if err != nil {
		return err
	}
	s.left--
	if time.Unix(b.Ctim.Unix()).After(s.complete) {
		s.Changed++
	} else {
		s.Files++
		if what := s.attributes(&a, &b); what != "" {
			s.differ(path, what)
			return nil
		}
	}
	switch a.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return s.below(ctx, from, to, name, path, depth)
	case unix.S_IFREG:
		return s.content(from, to, name, path)
	}
	return nil
}

// changed reports whether a folder was changed after a moment.
func changed(folder *os.File, since time.Time) bool {
	var st unix.Stat_t
	return unix.Fstat(int(folder.Fd()), &st) == nil && time.Unix(st.Ctim.Unix()).After(since)
}

// attributes gives what is not as it should be, "" if nothing.
func (s *sampler) attributes(a, b *unix.Stat_t) string {
	uid, gid, _ := s.shift.Owner(a.Uid, a.Gid)
	switch {
	case a.Mode != b.Mode:
		return fmt.Sprintf("its mode is %o, not %o", b.Mode, a.Mode)
	case uid != b.Uid || gid != b.Gid:
		return fmt.Sprintf("its owner is %d:%d, not %d:%d", b.Uid, b.Gid, uid, gid)
	case a.Mode&unix.S_IFMT == unix.S_IFDIR:
		return ""
	case a.Size != b.Size:
		return fmt.Sprintf("its size is %d, not %d", b.Size, a.Size)
	case a.Mtim != b.Mtim:
		return "it was modified at another time"
	case a.Rdev != b.Rdev:
		return "it is another device"
	}
	return ""
}

func (s *sampler) below(ctx context.Context, from, to *os.File, name, path string, depth int) error {
	a, err := openFolder(int(from.Fd()), name)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := openFolder(int(to.Fd()), name)
	if err != nil {
		return passOver(err)
	}
	defer b.Close()
	return s.folder(ctx, a, b, path, depth+1)
}

// content compares the beginning of two files, unless the copy was changed.
func (s *sampler) content(from, to *os.File, name, path string) error {
	a, err := beginningOf(from, name)
	if err != nil {
		return err
	}
	b, err := beginningOf(to, name)
	if err != nil {
		return passOver(err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(int(to.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return passOver(err)
	}
	if time.Unix(st.Ctim.Unix()).After(s.complete) {
		return nil
	}
	s.Bytes += int64(len(a))
	if !bytes.Equal(a, b) {
		s.differ(path, "its content is not the same")
	}
	return nil
}

func beginningOf(folder *os.File, name string) ([]byte, error) {
	// A handle without access first: a container may have put a device or a fifo there.
	handle, err := unix.Openat(int(folder.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(handle)
	var st unix.Stat_t
	if err := unix.Fstat(handle, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, unix.ENOENT // what was there is gone
	}
	f, err := os.OpenFile(fdPath(handle), os.O_RDONLY|unix.O_NOATIME, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, sampleBytes))
}

func (s *sampler) differ(path, what string) {
	s.Differ = append(s.Differ, path+": "+what)
}

// passOver is for a file of the copy that goes while it is looked at.
func passOver(err error) error {
	if errors.Is(gone(err), errGone) {
		return nil
	}
	return err
}
