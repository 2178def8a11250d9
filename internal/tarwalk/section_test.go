package tarwalk

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
)

func TestSection(t *testing.T) {
	src := strings.NewReader("0123456789")
	assert.NilError(t, iotest.TestReader(Section(src, 2, 5), []byte("23456")))
	assert.NilError(t, iotest.TestReader(Section(src, 10, 0), nil))
	assert.NilError(t, iotest.TestReader(Section(src, -4, 3), []byte("012")))
	assert.NilError(t, iotest.TestReader(Section(src, 4, -3), nil))

	s := Section(src, 2, 5)
	assert.NilError(t, s.Skip(3))
	b, err := io.ReadAll(s)
	assert.NilError(t, err)
	assert.Equal(t, string(b), "56")
	assert.NilError(t, s.Skip(0))
	assert.Equal(t, s.Skip(1), io.ErrUnexpectedEOF)
	assert.Equal(t, s.Skip(-1), io.ErrUnexpectedEOF)
}

// A layer's size comes out of an archive that may have been cut short.
func TestSectionOfTooShortAReader(t *testing.T) {
	for _, n := range []int64{6, math.MaxInt64} {
		s := Section(strings.NewReader("0123456789"), 5, n)
		b, err := io.ReadAll(s)
		assert.Equal(t, string(b), "56789")
		assert.Equal(t, err, io.ErrUnexpectedEOF)
	}
	s := Section(strings.NewReader("0123456789"), 5, 6)
	assert.Equal(t, s.Skip(6), io.ErrUnexpectedEOF)
}

func TestSectionPassesErrorsOn(t *testing.T) {
	broken := errors.New("input/output error")
	s := Section(brokenAt{broken}, 0, 10)
	_, err := s.Read(make([]byte, 5))
	assert.Equal(t, err, broken)
	assert.Equal(t, s.Skip(10), broken)
	_, err = NewReader(Section(brokenAt{broken}, 0, 4096)).Next()
	assert.Assert(t, errors.Is(err, broken))
}

type brokenAt struct{ err error }

func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }

// What was skipped must not have been read: that is what a Section is for.
func TestSectionReadsNoBodies(t *testing.T) {
	var data strings.Builder
	for range 20 {
		data.WriteString(file('0', "a", strings.Repeat("x", 1<<20)))
	}
	src := &counting{ReaderAt: strings.NewReader(data.String() + end)}
	w, err := walk(Section(src, 0, int64(data.Len()+len(end))), noBodies)
	assert.Equal(t, err, io.EOF)
	assert.Equal(t, len(w.Entries), 20)
	assert.Assert(t, src.bytes <= 21*skipWindow, "%d bytes were read", src.bytes)
}

type counting struct {
	io.ReaderAt
	bytes int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += n
	return n, err
}
