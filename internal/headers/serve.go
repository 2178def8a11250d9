package headers

import (
	"archive/tar"
	"bytes"
	"context"
	_ "crypto/sha256" // the algorithms that go-digest may be asked for
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// Serve sends the headers of blobs, which lie in dir as in an OCI layout, two at a time.
// What is wrong with a blob is sent; the error is for an answer that cannot be written. If
// ctx has a deadline, the blobs that are not read until then are marked so.
func Serve(ctx context.Context, dir string, blobs []digest.Digest, out io.Writer) error {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(2)
	for i, d := range blobs {
		g.Go(func() error {
			p := &part{mu: &mu, out: out}
			return errors.Join(send(ctx, dir, i, d, p), p.end())
		})
	}
	return g.Wait()
}

// send writes a blob's member.
func send(ctx context.Context, dir string, number int, d digest.Digest, out io.Writer) error {
	z, err := gzip.NewWriterLevel(out, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	r := &record{w: z}
	r.number(uint64(number))
	got := read(ctx, dir, d, r)
	if at := (*tarwalk.OffsetError)(nil); errors.As(got.Err, &at) {
		got.Err = at.Err // who walks the tar there knows where
	}
	flags := byte(0)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		flags = lateFlag
	}
	r.end(got, flags)
	return errors.Join(r.err, z.Close())
}

func read(ctx context.Context, dir string, d digest.Digest, to *record) unpack.Result {
	if err := d.Validate(); err != nil {
		return unpack.Result{Err: fmt.Errorf("digest %q: %w", string(d), err)}
	}
	f, size, err := openFile(filepath.Join(dir, "blobs", d.Algorithm().String(), d.Encoded()))
	if err != nil {
		return unpack.Result{Err: err}
	}
	defer f.Close()
	return unpack.ReadExtent(ctx, f, 0, size, d.Algorithm(), func(ctx context.Context, tar io.Reader) error {
		return walk(ctx, tarwalk.NewReader(&recorder{tar: tar, to: to}))
	})
}

// openFile opens a regular file: opening a pipe would wait for somebody to write to it.
func openFile(path string) (*os.File, int64, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

// walk reads all headers, and the bodies that an audit reads.
func walk(ctx context.Context, headers *tarwalk.Reader) error {
	for {
		h, err := headers.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if mayBeAccounts(h) {
			if _, err := io.Copy(io.Discard, headers); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// mayBeAccounts reports whether an entry may be /etc/passwd or /etc/group, however its name
// is written: others that are called so are few and small.
func mayBeAccounts(h *tarwalk.Header) bool {
	base := h.Name[bytes.LastIndexByte(h.Name, '/')+1:]
	return h.Type == tar.TypeReg && h.Size <= maxAccount && (string(base) == "passwd" || string(base) == "group")
}

// A part is the member of one blob. It is held in memory up to a limit, so that another
// blob can be read meanwhile, and written whole.
type part struct {
	mu   *sync.Mutex // of out
	out  io.Writer
	held []byte
	turn bool // mu is ours
}

const maxHeld = 8 << 20 // bytes

func (p *part) Write(b []byte) (int, error) {
	if !p.turn && len(p.held)+len(b) <= maxHeld {
		p.held = append(p.held, b...)
		return len(b), nil
	}
	if err := p.flush(); err != nil {
		return 0, err
	}
	return p.out.Write(b)
}

// flush waits for the other one, and writes what is held.
func (p *part) flush() error {
	if !p.turn {
		p.mu.Lock()
		p.turn = true
	}
	_, err := p.out.Write(p.held)
	p.held = nil
	return err
}

func (p *part) end() error {
	defer p.mu.Unlock()
	return p.flush()
}
