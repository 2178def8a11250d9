package grant

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// record is a line about a file before rights were taken back, in the order of the walk. A
// directory has one for the files below it, also if it is not changed itself.
type record struct {
	Grant int    `json:"g"` // by its place in the job
	Depth int    `json:"d"` // 0 for the path of the grant itself
	Name  []byte `json:"n"` // may have bytes that are no UTF-8
	Inode uint64 `json:"i"`
	Born  int64  `json:"b"` // in nanoseconds; 0 if the file system does not say
	Perm  uint16 `json:"m"` // the nine bits of its mode
	Was   *state `json:"s,omitempty"`
}

func (f *file) born() int64 {
	if f.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return f.Btime.Sec*1e9 + int64(f.Btime.Nsec)
}

// Record writes down what every file is like that [Job.Take] will change.
func (j Job) Record(ctx context.Context, to io.Writer) error {
	lines := bufio.NewWriter(to)
	out := json.NewEncoder(lines)
	_, err := j.each(ctx, func(n int, f *file) error {
		now, err := f.state()
		if err != nil {
			return err
		}
		r := record{Grant: n, Inode: f.Ino, Born: f.born(), Perm: uint16(f.mode.Perm())}
		if f.path != "." {
			r.Depth = strings.Count(f.path, "/") + 1
			r.Name = []byte(f.path[strings.LastIndex(f.path, "/")+1:])
		}
		if !now.equal(j.taken(now)) {
			r.Was = &now
		} else if !f.mode.IsDir() {
			return nil
		}
		return out.Encode(r)
	}, func(Grant) error { return nil })
	return errors.Join(err, lines.Flush())
}

// Restore undoes a Take by what Record wrote. Each of owner and ACL is restored if it is as
// the take left it, the ACL only with the mode: what was changed since is left alone.
func (j Job) Restore(ctx context.Context, from io.Reader) error {
	lines := json.NewDecoder(bufio.NewReader(from))
	var all []error
	var names []string // of the directories down to the file
	for ctx.Err() == nil {
		var r record
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil || r.Grant < 0 || r.Grant >= len(j.Grants) || r.Depth < 0 || r.Depth > len(names)+1 {
			return errors.Join(append(all, fmt.Errorf("reading what the files were like: line of grant %d, depth %d: %w", r.Grant, r.Depth, err))...)
		}
		if names = names[:max(r.Depth-1, 0)]; r.Depth > 0 {
			names = append(names, string(r.Name))
		}
		if r.Was == nil {
			continue
		}
		if err := j.restore(r, names); err != nil && len(all) < maxNotes {
			all = append(all, err)
		}
	}
	return errors.Join(append(all, ctx.Err(), j.sync())...)
}

func (j Job) restore(r record, names []string) error {
	f, err := j.Grants[r.Grant].open(false)
	for _, name := range names {
		if err != nil {
			break
		}
		var next *file
		next, err = openFile(f.fd, name, strings.Join(names, "/"))
		f.close()
		f = next
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, errReplaced) {
		return nil // removed since
	}
	if err != nil {
		return err
	}
	defer f.close()
	now, err := f.state()
	if err != nil || f.Ino != r.Inode || f.born() != r.Born {
		return err
	}
	left := j.taken(*r.Was)
	next, asLeft := now, left.stored()
	if now.UID == asLeft.UID && now.GID == asLeft.GID {
		next.UID, next.GID = r.Was.UID, r.Was.GID
	}
	if bytes.Equal(now.Access, asLeft.Access) && uint16(f.mode.Perm()) == permOf(left.Access, r.Perm) {
		next.Access = r.Was.Access
	}
	if bytes.Equal(now.Default, asLeft.Default) {
		next.Default = r.Was.Default
	}
	return f.set(now, next)
}

// sync has the file systems of all grants written to the disk.
func (j Job) sync() error {
	var all []error
	for _, g := range j.Grants {
		if top, err := g.open(false); err == nil {
			all = append(all, top.sync())
			top.close()
		}
	}
	return errors.Join(all...)
}
