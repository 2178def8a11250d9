//go:build linux

package carry

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A folder is one of the source that is being copied.
type folder struct {
	*copier
	source, target *os.File
	path           string // below the tree
	place          key    // what stands for the path
	state          key
	stat           unix.Stat_t
	tick           time.Time // of the moment before stat was read
	depth          int
	fresh          bool // the target is new, so nothing that was copied before is in it
	touched        atomic.Bool
}

var (
	errMount = errors.New("another file system is mounted there; unmount it, or leave this tree out")
	errDepth = fmt.Errorf("more than %d folders deep; leave this tree out", MaxDepth)
)

// batch is how many names are read, and worked on by one worker, at a time: few, so that
// workers share a folder of large files.
const batch = 8

func (d *folder) copy() error {
	defer d.target.Close()
	unchanged, err := d.asRecorded()
	if err != nil {
		return err
	}
	if err := d.entries(); err != nil {
		return err
	}
	if d.ctx.Err() != nil {
		return nil // and nothing is recorded
	}
	if !d.fresh && !unchanged {
		if err := d.removeGone(); err != nil {
			return err
		}
	}
	if unchanged && !d.touched.Load() {
		d.Progress.Unchanged.Add(1)
		return nil
	}
	flagged(d.Progress, int(d.source.Fd()))
	if err := d.attributes(int(d.target.Fd()), d.attributesOf(int(d.source.Fd())), &d.stat, d.fresh); err != nil {
		return err
	}
	d.Progress.Copied.Add(1)
	var st unix.Stat_t
	if err := unix.Fstat(int(d.target.Fd()), &st); err != nil {
		return err
	}
	if settled(&d.stat, d.tick) {
		d.Seen.add(keyOfCopy(d.state, &st))
	}
	return nil
}

// asRecorded reports whether an earlier copy recorded the folder as it is, and its copy.
func (d *folder) asRecorded() (bool, error) {
	if d.fresh || d.Seen == nil {
		return false, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(d.target.Fd()), &st); err != nil {
		return false, err
	}
	return d.Seen.has(keyOfCopy(d.state, &st)), nil
}

// copied reports whether an earlier copy recorded a state of a file in the folder, and its copy
// is still there.
func (d *folder) copied(name string, state key) bool {
	if d.fresh || d.Seen == nil {
		return false
	}
	var st unix.Stat_t
	return unix.Fstatat(int(d.target.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && d.Seen.has(keyOfCopy(state, &st))
}

// record records the state of a file that was copied.
func (d *folder) record(name string, state key) {
	var st unix.Stat_t
	if d.Seen != nil && unix.Fstatat(int(d.target.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		d.Seen.add(keyOfCopy(state, &st))
	}
}

// entries copies what is in the folder, with as many workers as are free.
func (d *folder) entries() error {
	var wait sync.WaitGroup
	defer wait.Wait()
	for d.ctx.Err() == nil {
		names, err := d.source.Readdirnames(batch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return gone(err) // of a folder that was removed
		}
		if !d.workers.TryAcquire(1) {
			d.some(names)
			continue
		}
		wait.Go(func() {
			defer d.workers.Release(1)
			d.some(names)
		})
	}
	return nil
}

func (d *folder) some(names []string) {
	for _, name := range names {
		if d.ctx.Err() != nil {
			return
		}
		if err := d.entry(name); err != nil && !errors.Is(err, errGone) {
			d.fail(filepath.Join(d.path, name), err)
		}
	}
}

// errGone is what happens to a file that goes, or is replaced by one of another type,
// while it is looked at. The folder has changed then, so that the next copy sees it.
var errGone = errors.New("the file is gone")

func (d *folder) entry(name string) error {
	now := tick()
	var st unix.Stat_t
	if err := unix.Fstatat(int(d.source.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return gone(err)
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return d.folder(name)
	case d.Link:
		return d.link(name, &st)
	case st.Nlink > 1:
		return d.linked(name, &st, now)
	}
	state := keyOf(d.place, name, &st)
	if d.copied(name, state) {
		d.Progress.Unchanged.Add(1)
		return nil
	}
	copied, err := d.file(name)
	if err == nil && keyOf(d.place, name, copied) == state && settled(&st, now) {
		d.record(name, state)
	}
	return err
}

// folder copies a folder in this one.
func (d *folder) folder(name string) error {
	source, err := openFolder(int(d.source.Fd()), name)
	if err != nil {
		return gone(err)
	}
	defer source.Close()
	sub := &folder{
		copier: d.copier, source: source, path: filepath.Join(d.path, name), place: below(d.place, name), depth: d.depth + 1,
		tick: tick(),
	}
	if err := unix.Fstat(int(source.Fd()), &sub.stat); err != nil {
		return err
	}
	switch {
	case sub.stat.Dev != d.device && d.PassMounts:
		return nil
	case sub.stat.Dev != d.device:
		return errMount
	case sub.depth > MaxDepth:
		return errDepth
	}
	sub.state = keyOf(d.place, name, &sub.stat)
	if sub.target, sub.fresh, err = makeFolder(int(d.target.Fd()), name); err != nil {
		return fmt.Errorf("make it in the copy: %w", err)
	}
	if sub.fresh {
		d.touched.Store(true)
	}
	return sub.copy()
}

// removeGone removes what an earlier copy made of files that the folder no longer has.
func (d *folder) removeGone() error {
	if _, err := d.target.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for {
		names, err := d.target.Readdirnames(batch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			var st unix.Stat_t
			err := unix.Fstatat(int(d.source.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
			if !errors.Is(err, unix.ENOENT) {
				continue
			}
			if err := d.remove(name); err != nil {
				return fmt.Errorf("remove %s from the copy: %w", name, err)
			}
			d.Progress.Removed.Add(1)
		}
	}
}

// remove removes what has the name in the copy, if anything does.
func (d *folder) remove(name string) error {
	d.touched.Store(true)
	err := unix.Unlinkat(int(d.target.Fd()), name, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EISDIR):
		root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", d.target.Fd()))
		if err != nil {
			return err
		}
		defer root.Close()
		return root.RemoveAll(name)
	}
	return err
}

// gone tells that a file went from what else can fail.
func gone(err error) error {
	for _, e := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP} {
		if errors.Is(err, e) {
			return errGone
		}
	}
	return err
}
