package host

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
)

// errNoise: a login prints without an end, and no shell answers behind it.
var errNoise = fmt.Errorf("the login prints more than %d KiB before a shell answers: the login shell's startup files (~/.bashrc, /etc/profile) must print nothing if the shell is not interactive", window>>10)

// A noShellError is a login that ended before a shell answered.
type noShellError struct{ said string }

// Error gives what the login said instead, and what it takes.
func (e *noShellError) Error() string {
	what := "the login ended at once and said nothing"
	if e.said != "" {
		what = fmt.Sprintf("the login ended and said %q", e.said)
	}
	return what + ": the account needs a login shell that runs commands, such as /bin/sh (on the host: usermod --shell /bin/sh USER), and no forced command in sshd_config or authorized_keys"
}

// greet reads who the shell runs as. Whatever a login script printed stands before
// it.
func (sh *shell) greet() error {
	hello, err := io.ReadAll(io.LimitReader(sh.frames, window+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &noShellError{said: firstLine(append(hello, sh.frames.rest()...))}
	case err != nil:
		return err
	case len(hello) > window:
		return errNoise
	}
	if _, err := sh.frames.status(); err != nil {
		return err
	}
	if i := strings.LastIndexByte(string(hello), '\n'); i >= 0 {
		sh.uid = string(hello[i+1:])
	}
	if _, err := strconv.ParseUint(sh.uid, 10, 32); err != nil {
		sh.uid = ""
		return malformed("who the shell runs as", string(hello))
	}
	refusal, _, _, err := sh.frames.record(1024)
	if err != nil {
		return err
	}
	sh.refusal = strings.Join(strings.Fields(string(refusal)), " ")
	sh.greeted()
	return nil
}

// firstLine is the first line that says something, not too much of it.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			return escape.Head(line, maxQuoted)
		}
	}
	return ""
}

// maxQuoted is how many bytes of an answer an error quotes.
const maxQuoted = 100

// malformed is the error for an answer that no shell gives to the prelude.
func malformed(what, answer string) error {
	return fmt.Errorf("reading %s: malformed answer %q", what, escape.Head(answer, maxQuoted))
}
