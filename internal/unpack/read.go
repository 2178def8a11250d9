package unpack

import (
	"bufio"
	"context"
	"hash"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/opencontainers/go-digest"
)

// A Result is what came of reading a blob.
type Result struct {
	Sum  digest.Digest // of the blob's own bytes, "" if they were not hashed
	Form Form          // how the blob is packed, Unknown if it was not read
	Err  error
}

// A Walk reads the tar of a blob, which is a [tarwalk.Skipper] if it can be passed
// over. What it leaves unread is read for it, if a digest has to be checked.
type Walk func(ctx context.Context, tar io.Reader) error

// A Meter counts and hashes what is read of a blob, and stops where ctx does.
type Meter struct {
	ctx context.Context
	r   io.Reader
	sum hash.Hash // nil: no hashing
	n   int64
}

// NewMeter counts what is read of r.
func NewMeter(ctx context.Context, r io.Reader) *Meter { return &Meter{ctx: ctx, r: r} }

func (m *Meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.sum != nil {
		m.sum.Write(p[:n])
	}
	return n, err
}

// Read reads a blob to its end, while walk is given the tar in it. With an
// algorithm the bytes of the blob are hashed as they come by: SHA-256 of a
// processor with SHA instructions keeps up with reading, so that it needs no
// goroutine of its own.
func Read(ctx context.Context, r io.Reader, by digest.Algorithm, walk Walk) Result {
	return read(ctx, r, by, func(src *bufio.Reader, m *Meter) Result { return readTar(ctx, src, m, walk) })
}

// Whole is Read for who takes the bytes of the blob as they are.
func Whole(ctx context.Context, r io.Reader, by digest.Algorithm, take func(io.Reader) error) Result {
	return read(ctx, r, by, func(src *bufio.Reader, _ *Meter) Result {
		head, err := src.Peek(HeadSize)
		if err != nil && err != io.EOF {
			return Result{Err: err}
		}
		return Result{Form: Sniff(head), Err: take(src)}
	})
}

func read(ctx context.Context, r io.Reader, by digest.Algorithm, take func(*bufio.Reader, *Meter) Result) Result {
	m := &Meter{ctx: ctx, r: r}
	if by != "" {
		m.sum = by.Hash()
	}
	src := bufio.NewReaderSize(m, 64<<10)
	got := take(src, m)
	if m.sum == nil || ctx.Err() != nil {
		return got
	}
	if _, err := io.Copy(io.Discard, src); err != nil {
		if got.Err == nil {
			got.Err = err
		}
		return got
	}
	got.Sum = digest.NewDigest(by, m.sum)
	return got
}

// readTar hands the tar in a blob to walk, and reads on to the end of what it is
// compressed with, where its checksum stands.
func readTar(ctx context.Context, src *bufio.Reader, m *Meter, walk Walk) Result {
	tar, err := Open(src, m)
	if err != nil {
		return Result{Err: err}
	}
	defer tar.Close()
	got := Result{Form: tar.Form()}
	if got.Err = walk(ctx, tar); got.Err == nil && got.Form.Packed() {
		_, got.Err = io.Copy(io.Discard, tar)
	}
	return got
}

// ReadExtent reads a blob that lies in a file, size bytes from off on. One that
// is not compressed is walked from header to header, its bodies unread, so its
// digest is not known afterwards.
func ReadExtent(ctx context.Context, f io.ReaderAt, off, size int64, by digest.Algorithm, walk Walk) Result {
	f = WithContext(ctx, f)
	form, err := FormOf(f, off, size)
	if err != nil {
		return Result{Err: err}
	}
	if form == PlainTar {
		return Result{Form: PlainTar, Err: walk(ctx, tarwalk.Section(f, off, size))}
	}
	return Read(ctx, io.NewSectionReader(f, off, size), by, walk)
}

// FormOf tells how a blob is packed that lies in a file, size bytes from off on.
func FormOf(f io.ReaderAt, off, size int64) (Form, error) {
	head := make([]byte, min(HeadSize, size))
	if n, err := f.ReadAt(head, off); n < len(head) {
		return Unknown, err
	}
	return Sniff(head), nil
}

// WithContext gives a file that stops being read where ctx does.
func WithContext(ctx context.Context, f io.ReaderAt) io.ReaderAt { return contextFile{ctx, f} }

type contextFile struct {
	ctx context.Context
	io.ReaderAt
}

func (h contextFile) ReadAt(p []byte, off int64) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.ReaderAt.ReadAt(p, off)
}
