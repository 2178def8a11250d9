package rewrite

import (
	"bufio"
	"context"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// Owners say what changes in a layer.
type Owners interface {
	// Owner is the owner of an entry: the one that it has, or another.
	Owner(h *tarwalk.Header) (uid, gid int64)
	// Accounts changes the contents of a passwd or group file. It is nil for an entry that
	// is neither.
	Accounts(h *tarwalk.Header) func(data []byte) []byte
}

// Layer copies the tar of a layer from src to dst with other owners, and gives the number
// of entries that it changed. All that is not an owner, or a passwd or group file with other
// numbers, is copied byte for byte, up to the end of src. A tar that [tarwalk] cannot read
// is an error.
func Layer(ctx context.Context, dst io.Writer, src io.Reader, owners Owners) (int64, error) {
	c := &copier{rec: recorder{src: src}, out: bufio.NewWriterSize(dst, 64<<10), owners: owners}
	c.walk = tarwalk.NewReader(&c.rec)
	if err := c.run(ctx); err != nil {
		return c.changed, err
	}
	return c.changed, c.out.Flush()
}

// copier is the copying of one layer.
type copier struct {
	rec     recorder
	walk    *tarwalk.Reader
	out     *bufio.Writer
	owners  Owners
	changed int64
	drop    int            // bytes of padding that belong to a body that was replaced
	scratch [32 << 10]byte // where the walk reads bodies to
}

func (c *copier) run(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := c.walk.Next()
		if err == io.EOF {
			return c.rest()
		}
		if err != nil {
			return err
		}
		if err := c.entry(ctx, h); err != nil {
			return err
		}
	}
}

// rest copies what follows the last entry.
func (c *copier) rest() error {
	if err := c.padding(c.rec.take(c.rec.held())); err != nil {
		return err
	}
	_, err := io.Copy(c.out, c.rec.src)
	return err
}

// padding writes what lies between two entries.
func (c *copier) padding(b []byte) error {
	b = b[min(c.drop, len(b)):]
	c.drop = 0
	_, err := c.out.Write(b)
	return err
}

// entry copies one entry: the padding before it, its header blocks and its body.
func (c *copier) entry(ctx context.Context, h *tarwalk.Header) error {
	if err := c.padding(c.rec.upTo(h.Offset)); err != nil {
		return err
	}
	head := append([]byte(nil), c.rec.upTo(h.BodyOffset)...)
	from := tarwalk.Values{UID: h.UID, GID: h.GID, Size: h.Size}
	to := from
	to.UID, to.GID = c.owners.Owner(h)
	if change := c.owners.Accounts(h); change != nil {
		return c.accounts(ctx, change, head, from, to)
	}
	if err := c.header(head, from, to); err != nil {
		return err
	}
	return c.body(ctx)
}

// header writes header blocks.
func (c *copier) header(head []byte, from, to tarwalk.Values) error {
	if from != to {
		var err error
		if head, err = tarwalk.Edit(head, from, to); err != nil {
			return err
		}
		c.changed++
	}
	_, err := c.out.Write(head)
	return err
}

func (c *copier) body(ctx context.Context) error {
	for {
		n, err := c.walk.Read(c.scratch[:])
		if _, err := c.out.Write(c.rec.take(n)); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// accounts copies a passwd or group file with other numbers. That of a sparse file, whose
// body is not what its size says, stays as it is.
func (c *copier) accounts(ctx context.Context, change func([]byte) []byte, head []byte, from, to tarwalk.Values) error {
	old, err := io.ReadAll(io.LimitReader(c.walk, from.Size+1))
	if err != nil {
		return err
	}
	raw := c.rec.take(len(old))
	now := old
	if int64(len(old)) == from.Size {
		now = change(old)
	}
	to.Size += int64(len(now) - len(old))
	if err := c.header(head, from, to); err != nil {
		return err
	}
	if string(now) == string(old) {
		if _, err = c.out.Write(raw); err == nil {
			err = c.body(ctx)
		}
		return err
	}
	c.drop = -len(old) & 511
	if _, err = c.out.Write(now); err == nil {
		_, err = c.out.Write(make([]byte, -len(now)&511))
	}
	return err
}
