package host

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
)

// What stands before the first answer of a daemon is the login shell's; an answer
// comes through as it is, whatever is in it.
func TestQuiet(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\n\r\nHTTP body"
	for name, c := range map[string]struct{ said, want string }{
		"an answer":  {answer, ""},
		"noise":      {"Welcome\nto the box\n" + answer, `prints "Welcome" before the daemon answers`},
		"half":       {"HTT, said the shell\n" + answer, `prints "HTT, said the shell" before`},
		"no shell":   {"This account is currently not available.\n", `the login ended and said "This account is currently not available."`},
		"no end":     {strings.Repeat("noise ", 20000), "the login prints more than 64 KiB"},
		"just a bit": {"HTT", ""},
	} {
		for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			q := &quiet{Conn: said{Reader: slow(strings.NewReader(c.said))}, host: "box"}
			got, err := io.ReadAll(q)
			if c.want == "" {
				assert.NilError(t, err, name)
				assert.Check(t, bytes.Equal(got, []byte(c.said)), "%s: %q", name, got)
				continue
			}
			assert.ErrorContains(t, err, c.want, name)
			_, again := q.Read(make([]byte, 1))
			assert.Equal(t, again, err)
		}
	}
}

type said struct {
	io.Reader
	net.Conn
}

func (s said) Read(p []byte) (int, error) { return s.Reader.Read(p) }
