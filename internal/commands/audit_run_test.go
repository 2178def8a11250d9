package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFailure(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		err        error
	}{
		{"/x", "auditing /x: file does not exist", &fs.PathError{Op: "stat", Path: "/x", Err: fs.ErrNotExist}},
		{"docker-archive:a.tar", "reading a.tar: odd", errors.New("reading a.tar: odd")},
		{"app", "auditing app: reading the stream: odd", errors.New("reading the stream: odd")},
		{"a.tar", "reading a.tar: unexpected EOF: it is cut short; save or fetch it again", fmt.Errorf("reading a.tar: %w", io.ErrUnexpectedEOF)},
	} {
		assert.Equal(t, failure(tc.name, tc.err), tc.want)
	}
}
