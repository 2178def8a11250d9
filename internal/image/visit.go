package image

import (
	"bufio"
	"context"
	"hash"
	"io"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/opencontainers/go-digest"
)

// visited is what came of reading a blob.
type visited struct {
	sum    digest.Digest // of the blob's own bytes, "" where they were not hashed
	packed bool          // the blob is compressed
	err    error
}

// meter counts and hashes what is read of a blob, and stops where ctx does.
type meter struct {
	ctx context.Context
	r   io.Reader
	sum hash.Hash // nil: no hashing
	n   int64
}

func (m *meter) Read(p []byte) (int, error) {
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

// readBlob reads a blob to its end, while v is given the tar in it. With an
// algorithm the bytes of the blob are hashed as they come by: SHA-256 of a
// processor with SHA instructions keeps up with reading, so that it needs no
// goroutine of its own.
func readBlob(ctx context.Context, v Visitor, key string, r io.Reader, by digest.Algorithm) visited {
	m := &meter{ctx: ctx, r: r}
	if by != "" {
		m.sum = by.Hash()
	}
	src := bufio.NewReaderSize(m, 64<<10)
	got := readTar(ctx, v, key, src, m)
	if m.sum == nil || ctx.Err() != nil {
		return got
	}
	if _, err := io.Copy(io.Discard, src); err != nil {
		if got.err == nil {
			got.err = err
		}
		return got
	}
	got.sum = digest.NewDigest(by, m.sum)
	return got
}

// readTar hands the tar in a blob to v, and reads on to the end of what it is
// compressed with, where its checksum stands.
func readTar(ctx context.Context, v Visitor, key string, src *bufio.Reader, m *meter) visited {
	tar, err := unpack(src, m)
	if err != nil {
		return visited{err: err}
	}
	defer tar.close()
	got := visited{packed: tar.packed()}
	if got.err = v.Layer(ctx, key, tarwalk.NewReader(tar)); got.err == nil && got.packed {
		_, got.err = io.Copy(io.Discard, tar)
	}
	return got
}

// readExtent reads a blob that lies in a file, size bytes from off on. One that
// is not compressed is walked from header to header, its bodies unread, so its
// digest is not known afterwards.
func readExtent(ctx context.Context, v Visitor, key string, f io.ReaderAt, off, size int64, by digest.Algorithm) visited {
	f = heedful{ctx, f}
	head := make([]byte, min(headSize, size))
	if n, err := f.ReadAt(head, off); n < len(head) {
		return visited{err: err}
	}
	if sniff(head) == plainTar {
		return visited{err: v.Layer(ctx, key, tarwalk.NewReader(tarwalk.Section(f, off, size)))}
	}
	return readBlob(ctx, v, key, io.NewSectionReader(f, off, size), by)
}

// heedful is a file that stops being read where ctx does.
type heedful struct {
	ctx context.Context
	io.ReaderAt
}

func (h heedful) ReadAt(p []byte, off int64) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.ReaderAt.ReadAt(p, off)
}
