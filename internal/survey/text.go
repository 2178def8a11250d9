package survey

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// TextFile is a small file of the host. If it is missing, the Read it
// is in has fs.ErrNotExist; where it is no regular file, host.ErrNotRegular
// (Stat says what it is). It was not opened then.
type TextFile struct {
	Path      string
	Data      []byte
	Truncated bool // longer than host.MaxFile: Data is its beginning
	Stat      host.Stat
}

// text is a file of the host with its stat.
func (l *look) text(p string) Read[TextFile] {
	body, asked := l.seen.Files[p]
	if !asked {
		body.Err = &fs.PathError{Op: "open", Path: p, Err: errNotAsked}
	}
	return Read[TextFile]{
		Value: TextFile{Path: p, Data: body.Data, Truncated: body.Truncated, Stat: l.seen.Stats[p]},
		Err:   body.Err,
	}
}

func textLines(b host.Body) []string {
	text := strings.TrimRight(string(b.Data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// trimmed is the one line that a file of /proc or /sys holds.
func trimmed(b host.Body) string { return strings.TrimSpace(string(b.Data)) }

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
