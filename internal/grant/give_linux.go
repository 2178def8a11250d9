package grant

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// open opens the handle to what a grant is for.
func (g Grant) open(strict bool) (*file, error) {
	top, err := openPlace(g.Path, strict)
	if err != nil {
		return nil, err
	}
	if top.Ino != g.Inode {
		top.close()
		return nil, fmt.Errorf("%s is not what it was: something else has its name", g.Path)
	}
	return top, nil
}

// work calls visit with each file of a grant.
func (g Grant) work(ctx context.Context, strict bool, visit func(*file) error) error {
	top, err := g.open(strict)
	if err != nil {
		return err
	}
	defer top.close()
	if !g.Tree {
		return visit(top)
	}
	return top.each(ctx, visit)
}

// Give gives what a job says. If it fails, a part may have been given: [Job.Take] takes it
// back.
func (j Job) Give(ctx context.Context) error {
	for _, g := range j.Grants {
		if err := g.work(ctx, true, func(f *file) error { return j.give(g, f) }); err != nil {
			return fmt.Errorf("giving rights to %s: %w", g.Path, err)
		}
	}
	return nil
}

var errLinked = errors.New("it has hard links, so it may be a file of the system under another name")

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
	return f.set(now, next)
}

// Take takes back what a job gave, all that it can. What has gone since is left out, unless
// the change is undone that gave it: then its file system may be missing for now.
func (j Job) Take(ctx context.Context, undo bool) error {
	return j.each(ctx, undo, func(_ int, f *file) error { return j.take(f) })
}

// each calls visit with each file of all grants, and goes on after errors.
func (j Job) each(ctx context.Context, undo bool, visit func(n int, f *file) error) error {
	var all []error
	for n, g := range j.Grants {
		err := g.work(ctx, false, func(f *file) error {
			if err := visit(n, f); err != nil && len(all) < maxErrors {
				all = append(all, fmt.Errorf("%s: %w", filepath.Join(g.Path, f.path), err))
			}
			return ctx.Err()
		})
		if err != nil && (undo || !errors.Is(err, fs.ErrNotExist)) {
			all = append(all, fmt.Errorf("taking rights to %s back: %w", g.Path, err))
		}
	}
	return errors.Join(all...)
}

const maxErrors = 3

func (j Job) take(f *file) error {
	now, err := f.state()
	if err != nil {
		return err
	}
	return f.set(now, j.taken(now))
}

// record is what a file was like before a right to it was taken back.
type record struct {
	Grant int    `json:"g"` // by its place in the job
	Path  []byte `json:"p"` // below it; a name may have bytes that are no UTF-8
	Inode uint64 `json:"i"`
	state
}

// Record writes down what every file is like that [Job.Take] will change, a line each.
func (j Job) Record(ctx context.Context, to io.Writer) error {
	lines := bufio.NewWriter(to)
	out := json.NewEncoder(lines)
	err := j.each(ctx, false, func(n int, f *file) error {
		now, err := f.state()
		if err != nil || now.equal(j.taken(now)) {
			return err
		}
		return out.Encode(record{n, []byte(f.path), f.Ino, now})
	})
	return errors.Join(err, lines.Flush())
}

// Restore undoes a Take by what Record wrote. What was changed since is left alone.
func (j Job) Restore(ctx context.Context, from io.Reader) error {
	lines := json.NewDecoder(bufio.NewReader(from))
	var all []error
	for ctx.Err() == nil {
		var r record
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return errors.Join(append(all, fmt.Errorf("reading what the files were like: %w", err))...)
		}
		if err := j.restore(r); err != nil && len(all) < maxErrors {
			all = append(all, err)
		}
	}
	return errors.Join(append(all, ctx.Err())...)
}

func (j Job) restore(r record) error {
	if r.Grant < 0 || r.Grant >= len(j.Grants) {
		return errors.New("the record is not of this job")
	}
	g := j.Grants[r.Grant]
	f, err := g.open(false)
	path := string(r.Path)
	for name := range strings.SplitSeq(path, "/") {
		if err != nil || path == "." {
			break
		}
		var next *file
		next, err = openFile(f.fd, name, path)
		f.close()
		f = next
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil // removed since
	}
	if err != nil {
		return err
	}
	defer f.close()
	now, err := f.state()
	if err != nil || f.Ino != r.Inode || !now.equal(j.taken(r.state).stored()) {
		return err
	}
	return f.set(now, r.state)
}
