package image

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"path"
)

// splitReader presents an engine's record of a layer, the lines of
// tar-split.json.gz, as the layer's tar archive: byte for byte what the engine
// was given, but with holes where the bodies of files were. Passing over a hole
// costs nothing. It is a tarwalk.Skipper.
type splitReader struct {
	ctx    context.Context
	lines  lineScanner
	line   splitLine
	buf    []byte
	bodies map[string][]byte // of the few files that can be read, by clean path

	segment []byte // what is left of the current segment
	hole    int64  // what is left of the current hole
	body    []byte // what is left of the hole's body, nil if it has none
	err     error  // the first error, kept
}

func newSplitReader(ctx context.Context, r io.Reader, bodies map[string][]byte) *splitReader {
	return &splitReader{ctx: ctx, lines: lineScanner{r: r}, bodies: bodies}
}

var (
	errNoBody = errors.New("the layer record does not hold the bodies of files")
	errShape  = errors.New("the layer record does not fit the headers in it")
)

// Read reads up to the next change between segment and hole. A hole without a
// body is an error: only Skip gets over it.
func (s *splitReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.fill(); err != nil {
		return 0, err
	}
	if s.hole == 0 {
		n := copy(p, s.segment)
		s.segment = s.segment[n:]
		return n, nil
	}
	if s.body == nil {
		return 0, s.fail(fmt.Errorf("%w: %q", errNoBody, s.line.name))
	}
	n := copy(p, s.body)
	s.body, s.hole = s.body[n:], s.hole-int64(n)
	return n, nil
}

// Skip moves on by n bytes. A file's body and its padding are one hole and less
// than a block after it: all else means that the engine saw another size than
// the header says, and what would come next are no headers.
func (s *splitReader) Skip(n int64) error {
	holes, after := 0, int64(0)
	for n > 0 {
		err := s.fill()
		if err == io.EOF {
			s.err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return s.err
		}
		if s.hole > 0 {
			holes++
			if s.hole > n || holes > 1 {
				return s.fail(errShape)
			}
			n, s.hole, s.body = n-s.hole, 0, nil
			continue
		}
		k := min(n, int64(len(s.segment)))
		if holes > 0 {
			after += k
		}
		if after >= 512 {
			return s.fail(errShape)
		}
		s.segment, n = s.segment[k:], n-k
	}
	return nil
}

// fill reads lines until there is a segment or a hole to go on with.
func (s *splitReader) fill() error {
	for s.err == nil && len(s.segment) == 0 && s.hole == 0 {
		s.err = s.nextLine()
	}
	return s.err
}

func (s *splitReader) nextLine() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	line, err := s.lines.next()
	if err != nil {
		return err
	}
	if s.buf, err = s.line.parse(line, s.buf); err != nil {
		return err
	}
	if err := s.line.check(); err != nil {
		return err
	}
	if s.line.kind == segmentType {
		s.segment = s.line.payload
		return nil
	}
	s.hole = s.line.size
	if s.hole > 0 {
		s.body = s.findBody()
	}
	return nil
}

var crcTable = crc64.MakeTable(crc64.ISO)

// findBody gives the body of the file at hand, if it was read and is the
// very one that the engine recorded.
func (s *splitReader) findBody() []byte {
	if len(s.bodies) == 0 || len(s.line.payload) != crc64.Size {
		return nil
	}
	body, ok := s.bodies[path.Clean("/" + string(s.line.name))[1:]]
	if !ok || int64(len(body)) != s.hole {
		return nil
	}
	if crc64.Checksum(body, crcTable) != binary.BigEndian.Uint64(s.line.payload) {
		return nil
	}
	return body
}

func (s *splitReader) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	return s.err
}
