//go:build linux

package carry

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// links are the files of the source that have several names.
type links struct {
	mu    sync.Mutex
	files map[uint64]*link // by inode
}

// A link is such a file.
type link struct {
	mu       sync.Mutex
	state    key
	names    uint64 // that it has
	found    uint64 // of these, in the tree
	path     string // one of them in the copy, or "" if none is there yet
	kept     bool   // an earlier copy made all of them
	reliable bool   // the state was the same, and settled, at every name
}

func newLinks() *links { return &links{files: map[uint64]*link{}} }

func (l *links) of(st *unix.Stat_t) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files[st.Ino] == nil {
		l.files[st.Ino] = &link{state: keyOf(key{}, "", st), names: uint64(st.Nlink), reliable: true} //nolint:unconvert // it is narrower on arm64
	}
	return l.files[st.Ino]
}

// record records the files that were found under all of their names. Others are copied
// again the next time, since a name of theirs may have been missed.
func (l *links) record(seen *Seen) {
	for _, link := range l.files {
		if link.reliable && link.found == link.names && !seen.has(link.state) {
			seen.add(link.state)
		}
	}
}

// link makes a link to a file of the source, unless the target has one. What cannot have
// another name, such as an immutable file, is copied.
func (d *folder) link(name string, st *unix.Stat_t) error {
	var target unix.Stat_t
	err := unix.Fstatat(int(d.target.Fd()), name, &target, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && target.Ino == st.Ino && target.Dev == st.Dev {
		d.Progress.Unchanged.Add(1)
		return nil
	}
	if err := d.remove(name); err != nil {
		return err
	}
	err = unix.Linkat(int(d.source.Fd()), name, int(d.target.Fd()), name, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EMLINK) {
		_, err = d.file(name)
		return err
	}
	if err != nil {
		return gone(fmt.Errorf("link it in the copy: %w", err))
	}
	d.touched.Store(true)
	d.Progress.Copied.Add(1)
	return nil
}

// linked copies a file that has several names once, and links its other names to that.
func (d *folder) linked(name string, st *unix.Stat_t, now time.Time) error {
	link := d.links.of(st)
	link.mu.Lock()
	defer link.mu.Unlock()
	if link.state != keyOf(key{}, "", st) || !settled(st, now) {
		link.reliable = false
	}
	link.found++
	unchanged := !d.fresh && d.Seen.has(link.state) && link.reliable
	path := filepath.Join(d.path, name)
	switch {
	case link.path == "" && unchanged:
		link.path, link.kept = path, true
		d.Progress.Unchanged.Add(1)
		return nil
	case link.path == "":
		copied, err := d.file(name)
		if err != nil {
			return err
		}
		if copied.Ino != st.Ino || keyOf(key{}, "", copied) != link.state {
			link.reliable = false
		}
		link.path = path
		return nil
	case link.kept && unchanged:
		d.Progress.Unchanged.Add(1)
		return nil
	}
	if err := d.remove(name); err != nil {
		return err
	}
	d.Progress.Copied.Add(1)
	if err := unix.Linkat(unix.AT_FDCWD, filepath.Join(d.to, link.path), int(d.target.Fd()), name, 0); err != nil {
		return fmt.Errorf("link it to %s in the copy: %w", link.path, err)
	}
	return nil
}
