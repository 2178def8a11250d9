package image

import (
	"bytes"
	"encoding/json"
	"io"
)

// tail remembers the end of what is read through it. An engine that fails
// after its first byte has no other place to say why: it appends a JSON object
// to the archive, wherever that broke off (getImagesGet of moby's
// image_routes.go, 20.10 to 29.7).
type tail struct {
	r   io.Reader
	end []byte
}

const (
	maxTail  = 8 << 10
	maxDrain = 1 << 20 // an archive ends with some zeros, not with so many
)

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.end = append(t.end, p[max(0, n-maxTail):n]...)
	if over := len(t.end) - maxTail; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
	return n, err
}

// drain reads what follows an archive's end, so that its writer can finish.
func (t *tail) drain() error {
	_, err := io.Copy(io.Discard, io.LimitReader(t, maxDrain))
	return err
}

// engineError is what the engine appended, "" if it appended nothing.
func (t *tail) engineError() string {
	_ = t.drain()
	for _, start := range []string{`{"errorDetail":`, `{"message":`, `{"error":`} {
		i := bytes.LastIndex(t.end, []byte(start))
		if i < 0 {
			continue
		}
		var said struct {
			Message, Error string
			ErrorDetail    struct{ Message string }
		}
		if json.Unmarshal(t.end[i:], &said) == nil {
			for _, s := range []string{said.ErrorDetail.Message, said.Message, said.Error} {
				if s != "" {
					return s
				}
			}
		}
	}
	return ""
}
