//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// MaxDepth is how many folders deep a tree may be. Anybody who can write to a volume
// can make one that is deeper than any program takes.
const MaxDepth = 1000

// Options say how a tree is copied.
type Options struct {
	Shift Shift
	// Layer leaves out what the kernel noted in a layer of overlay2 for its mount.
	Layer bool
	// Link makes links to the files instead of copies. Folders are copied.
	Link bool
	// PassMounts leaves out what is mounted in the tree. Otherwise it is an error.
	PassMounts bool
	// Live makes a change through a shared mmap(2) show in the next copy: the source is
	// in use. Pages that were changed before are written back first, since only the
	// first change of a page that is clean sets the file's times.
	Live bool
	// Workers is how many files are copied at a time, 1 if it is 0.
	Workers int
	// Seen has what earlier copies of this tree copied, and gets what this one does. It
	// may be nil.
	Seen *Seen
	// Progress counts what was done. It may be shared by many trees, or be nil.
	Progress *Progress
}

// Progress counts what is done, while it is done.
type Progress struct {
	Copied    atomic.Int64 // files, folders among them
	Unchanged atomic.Int64 // files that an earlier copy has
	Removed   atomic.Int64 // files of an earlier copy that are gone from the source
	Bytes     atomic.Int64 // content that was copied
	Unmapped  atomic.Int64 // files with an owner or group outside the map
	Flagged   atomic.Int64 // files with a flag such as immutable, chattr(1), which a copy does not have
}

// Tree copies the folder from to the folder to, which is made if it is missing. A copy
// that is there already becomes what the source is: what changed is copied again, and
// what is gone is removed. A file that goes while it is copied is left out. After an
// error the target has a part of the copy, and Tree goes on there if it is called again.
func Tree(ctx context.Context, from, to string, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if o.Progress == nil {
		o.Progress = &Progress{}
	}
	c := &copier{Options: o, ctx: ctx, cancel: cancel, from: from, to: to, links: newLinks(), workers: semaphore.NewWeighted(int64(max(o.Workers, 1) - 1))}
	if err := c.tree(); err != nil {
		cancel(err)
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	c.links.record(to, o.Seen)
	return nil
}

// A copier copies one tree.
type copier struct {
	Options
	ctx      context.Context
	cancel   context.CancelCauseFunc
	from, to string
	top      *os.Root // of the copy
	device   uint64
	links    *links
	workers  *semaphore.Weighted // those after the first
	buffers  sync.Pool
}

func (c *copier) tree() error {
	source, err := openFolder(unix.AT_FDCWD, c.from)
	if err != nil {
		return err
	}
	defer source.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(source.Fd()), &st); err != nil {
		return err
	}
	c.device = st.Dev
	target, fresh, err := makeFolder(unix.AT_FDCWD, c.to)
	if err != nil {
		return err
	}
	if c.top, err = os.OpenRoot(c.to); err != nil {
		return errors.Join(err, target.Close())
	}
	defer c.top.Close()
	top := &folder{copier: c, source: source, target: target, stat: st, tick: tick(), fresh: fresh}
	top.state = keyOf(key{}, "", &st)
	return top.copy()
}

// fail ends the copy with the error of one path below the source.
func (c *copier) fail(path string, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	c.cancel(fmt.Errorf("%s: %w", filepath.Join(c.from, path), err))
}

// openFolder opens a folder and not a link to one.
func openFolder(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NOATIME|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// makeFolder makes and opens a folder of the target, and reports whether it is new. What
// has its name and is no folder is removed.
func makeFolder(at int, name string) (_ *os.File, fresh bool, _ error) {
	err := unix.Mkdirat(at, name, 0o700)
	if fresh = err == nil; err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, false, err
	}
	f, err := openFolder(at, name)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		if err := unix.Unlinkat(at, name, 0); err != nil {
			return nil, false, err
		}
		return makeFolder(at, name)
	}
	return f, fresh, err
}
