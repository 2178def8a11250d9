package daemonjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// An Error is a place in a file that cannot be read, or cannot be edited
// without guessing.
type Error struct {
	Line, Column int // from 1 on; columns are characters
	Text         string
}

// Error gives the place and what is wrong there.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// ErrTooLarge is what Parse says of more than MaxFile bytes.
var ErrTooLarge = errors.New("the file is larger than 1 MiB")

// Parse reads a daemon.json as strictly as the strictest dockerd does, and
// stricter where an edit would have to guess: no comments, no byte order mark,
// nothing after the object, no key twice. An empty file is an empty Doc, though
// dockerd 20.10 refuses it: see [Refusal]. Errors are an [*Error] or
// [ErrTooLarge].
func Parse(text []byte) (Doc, error) {
	if len(text) > MaxFile {
		return Doc{}, ErrTooLarge
	}
	if _, name := byteOrderMark(text); name != "" {
		return Doc{}, at(text, 0, "it begins with the byte order mark of "+name+"; save it as UTF-8 without one")
	}
	if i := invalidUTF8(text); i >= 0 {
		return Doc{}, at(text, i, "it is not UTF-8 here")
	}
	d := Doc{text: slices.Clone(text)}
	if len(bytes.TrimSpace(text)) == 0 {
		return d, nil
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return Doc{}, explain(text, err)
	}
	if object == nil {
		return Doc{}, at(text, bytes.IndexByte(text, 'n'), "the file holds null, not an object in braces")
	}
	return d, d.walk()
}

// walk notes where the members are. The text is known to be one valid object.
func (d *Doc) walk() error {
	dec := json.NewDecoder(bytes.NewReader(d.text))
	_, _ = dec.Token() // the brace
	d.open = int(dec.InputOffset())
	comma := d.open - 1
	for dec.More() {
		m := member{comma: comma}
		if len(d.members) > 0 {
			m.comma += bytes.IndexByte(d.text[comma:], ',')
		}
		m.start = m.comma + 1 + bytes.IndexByte(d.text[m.comma+1:], '"')
		name, err := dec.Token()
		if err != nil {
			return explain(d.text, err)
		}
		m.key, _ = name.(string)
		m.keyEnd = int(dec.InputOffset())
		if d.index(m.key) >= 0 {
			return at(d.text, m.start, fmt.Sprintf("the key %q appears twice; the last one counts, so remove the other", m.key))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return explain(d.text, err)
		}
		m.end = int(dec.InputOffset())
		m.from = m.end - len(value)
		d.members = append(d.members, m)
		comma = m.end
	}
	return nil
}

// explain gives a JSON error its place.
func explain(text []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset := max(0, min(int(syntax.Offset)-1, len(text)))
		message := syntax.Error()
		if c := text[min(offset, len(text)-1)]; c == '/' || c == '#' {
			message += "; JSON has no comments, and docker does not read them"
		}
		return at(text, offset, message)
	}
	var mistyped *json.UnmarshalTypeError
	start := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	if errors.As(err, &mistyped) && text[start] == '{' {
		return at(text, max(0, min(int(mistyped.Offset)-1, len(text))), "the "+mistyped.Value+" is out of range")
	}
	if mistyped != nil {
		return at(text, start, "the file holds "+article(mistyped.Value)+", not an object in braces")
	}
	return at(text, 0, err.Error())
}

func article(kind string) string {
	if kind == "array" {
		return "an array"
	}
	return "a " + kind
}

func at(text []byte, offset int, message string) *Error {
	before := text[:offset]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &Error{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(line),
		Text:   message,
	}
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
