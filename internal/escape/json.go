package escape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes v as one line of JSON, "<" and "&" as they are. What would not be
// seen on a terminal, and what the log of a CI job would obey, is written as \uXXXX, so
// that to print the line is harmless and to parse it gives every value unchanged.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(&jsonWriter{w: w})
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// JSONWriter writes JSON text to w in the same way, for an encoder that is not
// ours. Each Write must hold whole characters.
func JSONWriter(w io.Writer) io.Writer { return &jsonWriter{w: w} }

// JSONText is JSON text escaped in the same way.
func JSONText(text []byte) []byte {
	var b bytes.Buffer
	_, _ = JSONWriter(&b).Write(text)
	return b.Bytes()
}

type jsonWriter struct{ w io.Writer }

// Write escapes the text. Only strings of JSON have characters beyond ASCII, or a "#",
// and every encoder has escaped those below the blank already. Of "##", with which a
// command of a log begins, the second is escaped.
func (j *jsonWriter) Write(p []byte) (int, error) {
	from := 0
	for at := 0; at < len(p); {
		command := p[at] == '#' && at > 0 && p[at-1] == '#'
		if p[at] < 0x7f && !command {
			at++
			continue
		}
		r, size := utf8.DecodeRune(p[at:])
		if command || r != utf8.RuneError && hidden(r) {
			if _, err := j.w.Write(p[from:at]); err != nil {
				return from, err
			}
			if _, err := io.WriteString(j.w, escaped(r)); err != nil {
				return at, err
			}
			from = at + size
		}
		at += size
	}
	if _, err := j.w.Write(p[from:]); err != nil {
		return from, err
	}
	return len(p), nil
}

func escaped(r rune) string {
	if r <= 0xffff {
		return fmt.Sprintf(`\u%04x`, r)
	}
	high, low := utf16.EncodeRune(r)
	return fmt.Sprintf(`\u%04x\u%04x`, high, low)
}
