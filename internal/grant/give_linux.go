package grant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/docker-userns/docker-userns/internal/sh"
)

var (
	errReplaced = errors.New("something else has its name now")
	errLinked   = errors.New("it has hard links, so it may be a file of the system under another name")
	errCapable  = errors.New("it has file capabilities, which a change of its owner removes")
)

// open opens the handle to what a grant is for.
func (g Grant) open(strict bool) (*file, error) {
	top, err := openPlace(g.Path, strict)
	if err != nil {
		return nil, err
	}
	if top.Ino != g.Inode {
		top.close()
		return nil, errReplaced
	}
	return top, nil
}

// each calls visit with each file that a grant is for, see [file.each].
func (g Grant) each(ctx context.Context, top *file, visit func(*file) error, skip func(string, error)) error {
	if !g.Tree {
		return visit(top)
	}
	return top.each(ctx, visit, skip)
}

// Give gives what a job says, and calls begun before it changes anything. If it fails after
// that, a part may have been given: [Job.Take] takes it back.
func (j Job) Give(ctx context.Context, begun func() error) error {
	var tops []*file
	defer func() {
		for _, top := range tops {
			top.close()
		}
	}()
	for _, g := range j.Grants { // before what is given to one changes what is above another
		top, err := g.open(true)
		if err != nil {
			return fmt.Errorf("giving rights to %s: %w", g.Path, err)
		}
		tops = append(tops, top)
	}
	if err := begun(); err != nil {
		return err
	}
	for i, g := range j.Grants {
		err := g.each(ctx, tops[i], func(f *file) error { return j.give(g, f) }, nil)
		if err = errors.Join(err, tops[i].sync()); err != nil {
			return fmt.Errorf("giving rights to %s: %w", g.Path, err)
		}
	}
	return nil
}

func (j Job) give(g Grant, f *file) error {
	if f.mode.IsRegular() && f.Nlink > 1 {
		return errLinked
	}
	now, err := f.state()
	if err != nil {
		return err
	}
	next, err := j.given(g, now, f.mode)
	if err != nil {
		return err
	}
	if now.UID != next.UID || now.GID != next.GID {
		held, err := f.attribute(capability)
		if held != nil {
			return errCapable
		}
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	return f.set(now, next)
}

// Take takes back what a job gave, all that it can: notes say what it had to leave, such as a
// path that has gone, or that something else was put in the place of. Nobody who can write to
// the paths can make it fail.
func (j Job) Take(ctx context.Context) (notes []string, _ error) {
	return j.each(ctx, func(_ int, f *file) error { return j.take(f) }, j.takeEntry)
}

// each calls visit with each file of all grants, and replaced for each path that something else
// is at now, and goes on whatever happens.
func (j Job) each(ctx context.Context, visit func(n int, f *file) error, replaced func(Grant) error) (notes []string, _ error) {
	var all []error
	note := func(path string, err error) {
		if len(notes) < maxNotes {
			notes = append(notes, fmt.Sprintf("rights to %s may be left: %s; see them with: %s", path, err, sh.Command("getfacl", "-Rps", "--", path)))
		}
	}
	for n, g := range j.Grants {
		top, err := g.open(false)
		if errors.Is(err, errReplaced) {
			note(g.Path, err)
			err = replaced(g)
		}
		if err != nil {
			note(g.Path, err)
		}
		if top == nil {
			continue
		}
		one := func(f *file) error {
			if err := visit(n, f); err != nil && len(all) < maxNotes {
				all = append(all, fmt.Errorf("%s: %w", filepath.Join(g.Path, f.path), err))
			}
			return ctx.Err()
		}
		err = g.each(ctx, top, one, func(path string, err error) { note(filepath.Join(g.Path, path), err) })
		all = append(all, err, top.sync())
		top.close()
	}
	return notes, errors.Join(all...)
}

const maxNotes = 5

// takeEntry takes entries away from a file that has the name of a grant, and is another one:
// what replaces a file copies its ACL. Its owner is not ours to change.
func (j Job) takeEntry(g Grant) error {
	f, err := openPlace(g.Path, false)
	if err != nil {
		return err
	}
	defer f.close()
	now, err := f.state()
	if err != nil {
		return err
	}
	next := j.taken(now)
	next.UID, next.GID = now.UID, now.GID
	return f.set(now, next)
}

func (j Job) take(f *file) error {
	now, err := f.state()
	if err != nil {
		return err
	}
	err = f.set(now, j.taken(now))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sync has what was changed on the file system of a file written to the disk.
func (f *file) sync() error {
	if f.mode&(fs.ModeSymlink|fs.ModeSocket) != 0 {
		return nil
	}
	opened, err := os.OpenFile(f.proc(), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer opened.Close()
	if err := unix.Syncfs(int(opened.Fd())); err != nil {
		return fmt.Errorf("write the changes to the disk: %w", err)
	}
	return nil
}
