package host

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
)

// However the bytes arrive, a record is its body and its status.
func TestFrames(t *testing.T) {
	const number = "0123456789abcdef"
	almost := "\n0123456789abcde\n\n0123\n"
	bodies := []string{"", "x", "\n", "\n\n", almost, strings.Repeat("long\n", 40000), strings.Repeat(almost, 9000), strings.Repeat("\n", 70000)}
	var stream bytes.Buffer
	for _, body := range bodies {
		stream.WriteString(body + "\n" + number + " 7\n")
	}
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r },
		"halves":  iotest.HalfReader,
		"bytes":   iotest.OneByteReader,
		"eof":     iotest.DataErrReader,
	} {
		f := newFrames(slow(bytes.NewReader(stream.Bytes())), number)
		for i, body := range bodies {
			got, cut, status, err := f.record(1 << 20)
			assert.NilError(t, err, "%s, record %d", name, i)
			assert.Check(t, string(got) == body && !cut, "%s, record %d: %d bytes", name, i, len(got))
			assert.Equal(t, status, "7")
		}
		_, _, _, err := f.record(10)
		assert.Check(t, errors.Is(err, io.ErrUnexpectedEOF))
	}
}

func TestFramesBound(t *testing.T) {
	f := newFrames(strings.NewReader("0123456789\nnum 0\nab\nnum 0\ncut off"), "num")
	got, cut, _, err := f.record(4)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "0123")
	assert.Check(t, cut)
	got, cut, _, err = f.record(4)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "ab")
	assert.Check(t, !cut)
	_, _, _, err = f.record(4)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	// A status without an end is not read for ever.
	f = newFrames(strings.NewReader("\nnum "+strings.Repeat("x", 2*window)), "num")
	_, err = f.status()
	assert.Check(t, err != nil)
}
