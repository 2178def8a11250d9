// Package daemonjson edits dockerd's daemon.json, and the Docker CLI's
// config.json, as text: what is not changed stays byte for byte as it was, with
// its order, indentation, line ends and numbers.
//
// It is for one or two keys of an object. It is no JSON library, and knows no
// meaning of any key.
package daemonjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// MaxFile is the most bytes of a file that are looked at.
const MaxFile = 1 << 20

// A Doc is the text of a file: an object, or nothing but white space if the file
// is empty or missing.
type Doc struct {
	text    []byte
	open    int // offset past the opening brace; 0 if there is none
	members []member
}

// member is a key of the object and where it is. comma is the offset of
// the comma before it, or open-1 for the first.
type member struct {
	key                             string
	comma, start, keyEnd, from, end int
}

// Keys are the keys in their order.
func (d Doc) Keys() []string {
	keys := make([]string, len(d.members))
	for i, m := range d.members {
		keys[i] = m.key
	}
	return keys
}

// Get gives the value of a key as it is in the text, and whether the key
// is there. Keys count as dockerd counts them: by their exact letters.
func (d Doc) Get(key string) (json.RawMessage, bool) {
	i := d.index(key)
	if i < 0 {
		return nil, false
	}
	return slices.Clone(d.text[d.members[i].from:d.members[i].end]), true
}

// String gives the value of a key if it is a string.
func (d Doc) String(key string) (string, bool) {
	var s *string
	raw, ok := d.Get(key)
	if !ok || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

func (d Doc) index(key string) int {
	return slices.IndexFunc(d.members, func(m member) bool { return m.key == key })
}

// Set gives the text with key set to a string. A key that is there keeps its
// place, a new one comes last, spaced as the one before it. If there is no
// object yet it makes one, with a newline at its end.
func (d Doc) Set(key, value string) []byte { return d.SetValue(key, quote(value)) }

// SetValue is [Doc.Set] for any value, given as JSON.
func (d Doc) SetValue(key, value string) []byte {
	if i := d.index(key); i >= 0 {
		return d.splice(d.members[i].from, d.members[i].end, value)
	}
	if d.open == 0 {
		return []byte("{\n  " + quote(key) + ": " + value + "\n}\n")
	}
	if len(d.members) == 0 {
		return d.splice(d.open, d.open, d.firstLead()+quote(key)+": "+value)
	}
	last := d.members[len(d.members)-1]
	colon := string(d.text[last.keyEnd:last.from])
	lead := string(d.text[last.comma+1 : last.start])
	if lead == "" && strings.HasSuffix(colon, " ") {
		lead = " "
	}
	gap := ""
	if len(d.members) > 1 {
		gap = string(d.text[d.members[len(d.members)-2].end:last.comma])
	}
	return d.splice(last.end, last.end, gap+","+lead+quote(key)+colon+value)
}

// firstLead is the white space before the first key of an object that has
// none: a new line where the brace that ends it is on one of its own.
func (d Doc) firstLead() string {
	rest := d.text[d.open:]
	blank := string(rest[:bytes.IndexByte(rest, '}')])
	switch {
	case strings.Contains(blank, "\r\n"):
		return "\r\n  "
	case strings.Contains(blank, "\n"):
		return "\n  "
	case blank != "":
		return " "
	}
	return ""
}

// Remove gives the text without key, and with it the white space that Set put
// before it: after a Set of a new key, Remove gives the text from before, save
// if there was no object, which leaves an empty one. A key that is missing
// changes nothing.
func (d Doc) Remove(key string) []byte {
	i := d.index(key)
	switch n := len(d.members); {
	case i < 0:
		return slices.Clone(d.text)
	case n == 1:
		return d.splice(d.open, d.members[0].end, "")
	case i == n-1:
		return d.splice(d.members[i-1].end, d.members[i].end, "")
	}
	return d.splice(d.members[i].start, d.members[i+1].start, "")
}

func (d Doc) splice(from, to int, text string) []byte {
	return slices.Concat(d.text[:from], []byte(text), d.text[to:])
}

// quote writes a JSON string without the escapes that are for HTML only.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
