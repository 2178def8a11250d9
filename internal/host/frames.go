package host

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// frames reads what the shell of a session answers: records of a body, a mark
// and a line of status. The length of a body is not known beforehand (files
// in /proc have none, others grow while they are read), so the mark ends it: a
// random number of this session that no file can hold.
type frames struct {
	r    *bufio.Reader
	mark []byte // "\n<number> "
}

// window is what one look into the stream holds; a mark has to fit in.
const window = 64 << 10

func newFrames(r io.Reader, number string) *frames {
	return &frames{r: bufio.NewReaderSize(r, window), mark: []byte("\n" + number + " ")}
}

// Read reads from the body of the current record, up to its mark.
func (f *frames) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.ready()
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	return f.r.Read(p[:min(n, len(p))])
}

// ready says how many bytes of the body are at hand, 0 at its mark.
func (f *frames) ready() (int, error) {
	want := 1
	for {
		if _, err := f.r.Peek(want); err != nil {
			return 0, unexpected(err)
		}
		buf, _ := f.r.Peek(f.r.Buffered())
		if i := bytes.Index(buf, f.mark); i >= 0 {
			return i, nil
		}
		if n := bytes.LastIndexByte(buf[max(0, len(buf)-len(f.mark)+1):], '\n'); n < 0 {
			return len(buf), nil
		}
		if n := len(buf) - len(f.mark) + 1; n > 0 {
			return n, nil
		}
		want = len(buf) + 1
	}
}

// status passes over what is left of the body, and gives the record's status.
func (f *frames) status() (string, error) {
	if _, err := io.Copy(io.Discard, f); err != nil {
		return "", err
	}
	f.r.Discard(len(f.mark))
	line, err := f.r.ReadSlice('\n')
	if err != nil {
		return "", unexpected(err)
	}
	return strings.TrimSuffix(string(line), "\n"), nil
}

// record reads a whole record, the first limit bytes of its body.
func (f *frames) record(limit int) (body []byte, cut bool, status string, err error) {
	body, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, false, "", err
	}
	if cut = len(body) > limit; cut {
		body = body[:limit]
	}
	status, err = f.status()
	return body, cut, status, err
}

// rest is what was read of a stream that was cut off, and not handed out.
func (f *frames) rest() []byte {
	rest, _ := f.r.Peek(f.r.Buffered())
	return rest
}

// unexpected: a stream that ends before its mark was cut off.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
