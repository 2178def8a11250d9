package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// A shell reads small files many at a time, since a process for each would take
// longer than the reading. Both limits together are what one batch may hold in
// memory.
const (
	smallFile  = 64 << 10 // bytes
	batchFiles = 128
	fewFiles   = 4 // are read one by one: finding the small ones among them takes as many processes
)

func (r *remote) ReadFiles(ctx context.Context, paths []Path, each func(Path, io.Reader, error) error) error {
	if err := checkReads(paths); err != nil {
		return err
	}
	size := batchFiles
	if len(paths) <= fewFiles {
		size = 1
	}
	n, err := r.readBatches(ctx, paths, size, each)
	if err == nil && n < len(paths) { // a file changed, and the batch that it was in is of no use
		_, err = r.readBatches(ctx, paths[n:], 1, each)
	}
	return err
}

// readBatches reads files in one round trip, so many at a time, and says how many
// it has handed to each.
func (r *remote) readBatches(ctx context.Context, paths []Path, size int, each func(Path, io.Reader, error) error) (int, error) {
	var script strings.Builder
	for batch := range slices.Chunk(paths, size) {
		if size == 1 {
			fmt.Fprintf(&script, "body - %s\n", sh.Quote(word(batch[0])))
		} else {
			fmt.Fprintf(&script, "few %s\n", words(wordsOf(batch)))
		}
	}
	b := &batches{each: each}
	err := r.do(ctx, request{script: script.String(), bytes: filesBytes, wait: patience}, func(sh *shell) error {
		b.frames = sh.frames
		for batch := range slices.Chunk(paths, size) {
			if err := b.read(batch, size == 1); err != nil {
				return err
			}
		}
		return nil
	})
	if b.stopped != nil && ctx.Err() == nil {
		return b.handed, b.stopped
	}
	return b.handed, err
}

// batches hands files to each, in their order, until one batch turns out to be of
// no use; what follows is passed over then.
type batches struct {
	frames  *frames
	each    func(Path, io.Reader, error) error
	handed  int
	useless bool
	stopped error // by each
}

// read reads one batch, or a file that stands alone.
func (b *batches) read(paths []Path, alone bool) error {
	small := make([]io.Reader, len(paths))
	if !alone {
		var err error
		if small, err = b.small(len(paths)); err != nil {
			return err
		}
	}
	for i, path := range paths {
		var err error
		if small[i] != nil {
			err = b.hand(path, small[i], nil)
		} else {
			err = (&bodyReader{frames: b.frames, path: path}).hand(b.hand)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *batches) hand(path Path, body io.Reader, err error) error {
	if b.useless {
		return nil
	}
	b.handed++
	b.stopped = b.each(path, body, err)
	return b.stopped
}

// small reads the small files of a batch of n, nil for the others: see few in the
// prelude.
func (b *batches) small(n int) ([]io.Reader, error) {
	head, _, _, err := b.frames.record(window)
	if err != nil {
		return nil, err
	}
	small := make([]io.Reader, n)
	sizes, err := parseSizes(string(head), n)
	if err != nil || len(sizes) == 0 {
		return small, err
	}
	body, cut, status, err := b.frames.record(smallFile * n)
	if err != nil {
		return nil, err
	}
	b.useless = b.useless || cut || status != "0"
	for _, s := range sizes {
		if s.bytes > len(body) {
			b.useless = true
			s.bytes = len(body)
		}
		small[s.index], body = bytes.NewReader(body[:s.bytes]), body[s.bytes:]
	}
	b.useless = b.useless || len(body) > 0
	return small, nil
}

// A size is that of a small file, by the file's index in its batch.
type size struct{ index, bytes int }

// parseSizes reads NUMBER:SIZE of each small file among n, in the order of their
// numbers.
func parseSizes(head string, n int) ([]size, error) {
	var sizes []size
	last := -1
	for _, word := range strings.Fields(head) {
		number, bytes, _ := strings.Cut(word, ":")
		i, err := strconv.Atoi(number)
		length, err2 := strconv.Atoi(bytes)
		if err != nil || err2 != nil || i-1 <= last || i > n || length < 0 || length > smallFile {
			return nil, fmt.Errorf("reading files: unexpected size %q", word)
		}
		last = i - 1
		sizes = append(sizes, size{last, length})
	}
	return sizes, nil
}

// word is a file as the shell is given it: a path, or if there is a root, a dot
// with the root, "/./", and the name in it, as body of the prelude takes them.
func word(p Path) string {
	if p.Root == "" {
		return p.Name
	}
	return "." + path.Clean(p.Root) + "/./" + p.Name
}

func wordsOf(paths []Path) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = word(p)
	}
	return all
}
