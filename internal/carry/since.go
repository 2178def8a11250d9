//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// inventory is what the place of the twin has, and what changed there since it was carried
// over.
func (j Job) inventory(ctx context.Context) (*Inventory, error) {
	if !j.merges() {
		return nil, nil
	}
	i := Inventory{Sizes: map[string]Size{}}
	at := Job{From: j.Place}
	for _, id := range names(filepath.Join(j.Place, imageStore, "content/sha256")) {
		if id = "sha256:" + id; imageID.MatchString(id) { // or a file that an engine was about to write
			i.Images = append(i.Images, id)
		}
	}
	for _, name := range names(filepath.Join(j.Place, "volumes")) {
		if IsVolume(name) && at.hasVolume(name) {
			data := filepath.Join(j.Place, "volumes", name, "_data")
			if info, err := os.Lstat(data); err == nil && !info.IsDir() {
				return nil, fmt.Errorf("%s is not a folder, so volume %s can neither be kept nor compared: put a folder in its place, or move %s out of the data root", data, name, filepath.Dir(data))
			}
			i.Volumes = append(i.Volumes, name)
		}
	}
	for _, id := range names(filepath.Join(j.Place, "containers")) {
		if containerID.MatchString(id) && at.hasContainer(id) {
			i.Containers = append(i.Containers, Named{ID: id, Name: at.nameOf(id)})
		}
	}
	return &i, errors.Join(at.sizes(ctx, &i), j.compareSince(ctx, &i))
}

// sizes measures the volumes and containers of a data root.
func (j Job) sizes(ctx context.Context, i *Inventory) error {
	add := func(id, folder string) error {
		size, _, err := sizeOf(ctx, filepath.Join(j.From, folder), true, Shift{})
		size.add(i.Sizes[id])
		i.Sizes[id] = size
		return err
	}
	for _, name := range i.Volumes {
		if err := add(name, filepath.Join("volumes", name, "_data")); err != nil {
			return err
		}
	}
	for _, c := range i.Containers {
		if err := add(c.ID, filepath.Join("containers", c.ID)); err != nil {
			return err
		}
		layers, _ := j.layersOfContainer(c.ID) // or the copy says what is wrong
		for _, id := range layers {
			if err := add(c.ID, filepath.Join(driver, id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareSince finds what changed since the record was written.
func (j Job) compareSince(ctx context.Context, i *Inventory) error {
	record, err := os.Stat(j.Record)
	if err != nil {
		return fmt.Errorf("find out when everything was carried over: %w", err)
	}
	since := record.ModTime()
	for _, name := range i.Volumes {
		changed, err := changedSince(ctx, filepath.Join(j.Place, "volumes", name, "_data"), since)
		if err != nil {
			return fmt.Errorf("volume %s of %s: %w", name, j.Place, err)
		}
		if changed {
			i.Changed = append(i.Changed, name)
		}
	}
	for _, c := range i.Containers {
		var st unix.Stat_t // an engine writes it whenever it starts or stops the container
		if err := unix.Lstat(filepath.Join(j.Place, "containers", c.ID, "config.v2.json"), &st); err != nil {
			return err
		}
		if isAfter(&st, since) {
			i.Changed = append(i.Changed, c.ID)
		}
	}
	return nil
}

// isAfter reports whether a file was changed after a moment. The time of its content does not say
// so: what restores a backup sets it to that of the original.
func isAfter(st *unix.Stat_t, t time.Time) bool { return time.Unix(st.Ctim.Unix()).After(t) }

// changedSince reports whether anything in a folder was changed after a moment. Links are not
// followed, and mounts not entered.
func changedSince(ctx context.Context, path string, t time.Time) (bool, error) {
	top, err := openFolder(unix.AT_FDCWD, path)
	if err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(top.Fd()), &st); err != nil {
		return false, errors.Join(err, top.Close())
	}
	return folderChanged(ctx, top, &st, t, 0)
}

func folderChanged(ctx context.Context, f *os.File, st *unix.Stat_t, t time.Time, depth int) (bool, error) {
	defer f.Close()
	if isAfter(st, t) || depth > MaxDepth {
		return true, nil
	}
	for ctx.Err() == nil {
		names, err := f.Readdirnames(1000)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, name := range names {
			changed, err := entryChanged(ctx, f, name, st.Dev, t, depth)
			if changed || err != nil {
				return changed, err
			}
		}
	}
	return false, ctx.Err()
}

func entryChanged(ctx context.Context, f *os.File, name string, device uint64, t time.Time, depth int) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Dev != device {
		return isAfter(&st, t), nil
	}
	sub, err := openFolder(int(f.Fd()), name)
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return folderChanged(ctx, sub, &st, t, depth+1)
}
