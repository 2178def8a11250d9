//go:build linux

package carry

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
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
	inode    uint64 // of the copy
	states   []key  // at each of the names that were found
	kept     bool   // an earlier copy made the first of them
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
func (l *links) record(to string, seen *Seen) {
	for _, link := range l.files {
		var st unix.Stat_t
		if seen == nil || !link.reliable || link.found != link.names || unix.Lstat(filepath.Join(to, link.path), &st) != nil {
			continue
		}
		for _, state := range link.states {
			if k := keyOfCopy(state, &st); !seen.has(k) {
				seen.add(k)
			}
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

// inodeOfCopy is that of a file of the copy, 0 if there is none.
func (d *folder) inodeOfCopy(name string) uint64 {
	var st unix.Stat_t
	if unix.Fstatat(int(d.target.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return 0
	}
	return st.Ino
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
	state := keyOf(d.place, name, st)
	link.states = append(link.states, state)
	unchanged := link.reliable && d.copied(name, state)
	path := filepath.Join(d.path, name)
	switch {
	case link.path == "" && unchanged:
		link.path, link.kept, link.inode = path, true, d.inodeOfCopy(name)
		d.Progress.Unchanged.Add(1)
		return nil
	case link.path == "":
		return d.first(link, name, path)
	case link.kept && unchanged && d.inodeOfCopy(name) == link.inode:
		d.Progress.Unchanged.Add(1)
		return nil
	}
	// The folder that had the copy may be gone, or a link by now: to anywhere.
	made, err := d.top.Lstat(link.path)
	if err != nil || made.Sys().(*syscall.Stat_t).Ino != link.inode {
		link.reliable = false
		return d.first(link, name, path)
	}
	if err := d.remove(name); err != nil {
		return err
	}
	d.Progress.Copied.Add(1)
	if err := d.top.Link(link.path, path); err != nil {
		return fmt.Errorf("link it to %s in the copy: %w", link.path, err)
	}
	return nil
}

// first copies the file for the first of its names, which is at path in the copy.
func (d *folder) first(link *link, name, path string) error {
	copied, err := d.file(name)
	if err != nil {
		return err
	}
	if keyOf(key{}, "", copied) != link.state {
		link.reliable = false
	}
	link.path, link.inode, link.kept = path, d.inodeOfCopy(name), false
	return nil
}
