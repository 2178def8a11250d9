package headers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
)

var (
	errNotSent   = errors.New("the host has not sent the body of this file")
	errMalformed = errors.New("malformed answer of the program on the host")
)

// maxTar is how many bytes of tars one answer may hold: 16 million headers.
const maxTar = 8 << 30

// Receive reads the answer to blobs. It calls visit for each, with the tar, whose gaps
// can only be passed over, and then done. What visit leaves unread is passed over. The
// error is for an answer that ends early or is malformed; done was not called for some
// then.
func Receive(r io.Reader, blobs []digest.Digest, visit func(i int, tar tarwalk.Skipper) error, done func(i int, got unpack.Result)) error {
	a := answer{left: maxTar, seen: make([]bool, len(blobs))}
	members := bufio.NewReaderSize(r, 64<<10)
	z := new(gzip.Reader)
	for range blobs {
		if err := z.Reset(members); err != nil {
			return broken(err)
		}
		z.Multistream(false)
		if err := a.member(bufio.NewReader(z), visit, done); err != nil {
			return err
		}
		if n, err := io.Copy(io.Discard, io.LimitReader(z, 1)); err != nil || n > 0 {
			return errors.Join(errMalformed, err)
		}
	}
	return nil
}

// broken: only the end of the last member may be the end of the answer.
func broken(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading the answer of the program on the host: %w", err)
}

// An answer is what was read so far.
type answer struct {
	left int64 // bytes of tars that may still come
	seen []bool
}

func (a *answer) member(r *bufio.Reader, visit func(int, tarwalk.Skipper) error, done func(int, unpack.Result)) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return broken(err)
	}
	if n >= uint64(len(a.seen)) || a.seen[n] {
		return errMalformed
	}
	a.seen[n] = true
	t := &tape{r: r, left: &a.left}
	_ = t.next()
	var failed error
	if t.got.Err == nil { // there is a tar
		failed = visit(int(n), t)
	}
	got, err := t.rest()
	if err != nil {
		return err
	}
	if failed != nil {
		got.Err = failed
	}
	done(int(n), got)
	return nil
}

// A tape is the tar of a member, a tarwalk.Skipper.
type tape struct {
	r     *bufio.Reader
	left  *int64
	bytes int64 // of the tar that follow
	gap   int64 // that are left out here
	ended bool
	got   unpack.Result // once it has ended
	err   error         // the stream itself is of no use
}

// Read reads up to the next gap, and fails in one.
func (t *tape) Read(p []byte) (int, error) {
	if err := t.next(); err != nil || len(p) == 0 {
		return 0, err
	}
	if t.gap > 0 {
		return 0, errNotSent
	}
	n, err := t.r.Read(p[:min(int64(len(p)), t.bytes)])
	t.bytes -= int64(n)
	if err != nil {
		t.err = broken(err)
	}
	return n, t.err
}

// Skip passes over what was sent and what was not.
func (t *tape) Skip(n int64) error {
	for n > 0 {
		err := t.next()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if k := min(n, t.gap); k > 0 {
			t.gap, n = t.gap-k, n-k
			continue
		}
		k, err := t.r.Discard(int(min(n, t.bytes)))
		if err != nil {
			t.err = broken(err)
			return t.err
		}
		t.bytes, n = t.bytes-int64(k), n-int64(k)
	}
	return nil
}

// next reads events until there is something to go on with. At the end it gives what
// ended the reading on the host.
func (t *tape) next() error {
	for t.err == nil && !t.ended && t.bytes == 0 && t.gap == 0 {
		t.err = t.event()
	}
	switch {
	case t.err != nil:
		return t.err
	case !t.ended:
		return nil
	case t.got.Err != nil:
		return t.got.Err
	}
	return io.EOF
}

func (t *tape) event() error {
	n, err := binary.ReadUvarint(t.r)
	switch {
	case err != nil:
		return broken(err)
	case n == 0:
		t.ended = true
		t.got, err = readEnd(t.r)
		return err
	case n>>1 > math.MaxInt64>>1 || n&1 == 1 && n>>1 > maxEvent || n == 1:
		return errMalformed
	case n&1 == 0:
		t.gap = int64(n >> 1)
		*t.left -= blockSize // no tar has more gaps than headers
	default:
		t.bytes = int64(n >> 1)
		*t.left -= t.bytes
	}
	if *t.left < 0 {
		return fmt.Errorf("%w: it is larger than %d GiB", errMalformed, maxTar>>30)
	}
	return nil
}

// rest passes over what nobody read, and gives what came of reading the blob there.
func (t *tape) rest() (unpack.Result, error) {
	for t.err == nil && !t.ended {
		_, _ = t.r.Discard(int(t.bytes)) // the next event shows that it ends
		t.bytes, t.gap = 0, 0
		t.err = t.event()
	}
	return t.got, t.err
}

// readEnd reads what stands behind the events. A digest is there for all that was read
// without an error, except for what is not compressed.
func readEnd(r *bufio.Reader) (got unpack.Result, err error) {
	flags, err := r.ReadByte()
	if err != nil {
		return got, broken(err)
	}
	sum, err := readText(r)
	if err != nil {
		return got, err
	}
	said, err := readText(r)
	if err != nil {
		return got, err
	}
	got.Form, got.Sum = unpack.Form(flags>>formShift), digest.Digest(sum)
	switch {
	case got.Sum != "" && got.Sum.Validate() != nil, got.Form != unpack.Unknown && got.Form != unpack.PlainTar && !got.Form.Packed():
		return got, errMalformed
	case flags&lateFlag != 0:
		got.Err = context.DeadlineExceeded
	case said != "":
		got.Err = errors.New(said)
	case got.Form.Packed() && got.Sum == "":
		return got, errMalformed
	}
	return got, nil
}

func readText(r *bufio.Reader) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return "", broken(err)
	}
	if n > maxText {
		return "", errMalformed
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", broken(err)
	}
	return string(text), nil
}
