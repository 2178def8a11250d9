package image

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine bounds a line of tar-split.json.gz. The engine writes the padding at
// the end of an archive in pieces of 1 MiB (disassemble.go of
// vbatts/tar-split), so only a huge PAX header makes a line longer than this.
const maxLine = 8 << 20

// Types of a line (tar/storage/entry.go of vbatts/tar-split).
const (
	fileType    = 1
	segmentType = 2
)

// splitLine is one line of tar-split.json.gz. Its slices are valid until the
// next line is read.
type splitLine struct {
	kind    int
	name    []byte // of a file
	size    int64  // of a file's body
	payload []byte // raw bytes of a segment, or the CRC-64 of a file's body
}

// lineScanner reads lines into one buffer, which it uses again.
type lineScanner struct {
	r          io.Reader
	buf        []byte
	start, end int
	err        error
}

var errLongLine = fmt.Errorf("a line of the layer record is over %d MiB", maxLine>>20)

// next gives the next line without its newline, io.EOF after the last one.
func (s *lineScanner) next() ([]byte, error) {
	searched := s.start
	for {
		if i := bytes.IndexByte(s.buf[searched:s.end], '\n'); i >= 0 {
			line := s.buf[s.start : searched+i]
			s.start = searched + i + 1
			return line, nil
		}
		if s.err != nil {
			return s.last()
		}
		searched = s.end - s.start
		if err := s.makeRoom(); err != nil {
			return nil, err
		}
		n, err := s.r.Read(s.buf[s.end:])
		s.end, s.err = s.end+n, err
	}
}

// last gives what follows the last newline.
func (s *lineScanner) last() ([]byte, error) {
	if s.start == s.end || s.err != io.EOF {
		return nil, s.err
	}
	line := s.buf[s.start:s.end]
	s.start = s.end
	return line, nil
}

// makeRoom moves the unread bytes to the front, and grows the buffer where
// they fill it.
func (s *lineScanner) makeRoom() error {
	size := max(len(s.buf), 64<<10)
	if s.end-s.start == len(s.buf) && len(s.buf) > 0 {
		if len(s.buf) >= maxLine {
			return errLongLine
		}
		size = 2 * len(s.buf)
	}
	to := s.buf
	if size > len(s.buf) {
		to = make([]byte, size)
	}
	s.end = copy(to, s.buf[s.start:s.end])
	s.start, s.buf = 0, to
	return nil
}

// parse decodes one line. Lines as every engine writes them are taken apart by
// hand; encoding/json has the last word on all others. buf is for the payload.
func (l *splitLine) parse(line, buf []byte) ([]byte, error) {
	if buf, ok := l.parseSegment(line, buf); ok {
		return buf, nil
	}
	if buf, ok := l.parseFile(line, buf); ok {
		return buf, nil
	}
	return buf, l.parseJSON(line)
}

var (
	segmentStart = []byte(`{"type":2,"payload":"`)
	fileStart    = []byte(`{"type":1,"name":"`)
	sizeKey      = []byte(`,"size":`)
	nullPayload  = []byte(`,"payload":null`)
	payloadKey   = []byte(`,"payload":"`)
	positionKey  = []byte(`,"position":`)
)

// parseSegment takes apart {"type":2,"payload":"…","position":0}.
func (l *splitLine) parseSegment(line, buf []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, segmentStart)
	if !ok {
		return buf, false
	}
	text, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || !isPosition(rest) {
		return buf, false
	}
	buf, ok = decodeBase64(buf, text)
	*l = splitLine{kind: segmentType, payload: buf}
	return buf, ok
}

// parseFile takes apart {"type":1,"name":"…","size":1,"payload":"…","position":1},
// where size may be missing and payload null.
func (l *splitLine) parseFile(line, buf []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, fileStart)
	if !ok {
		return buf, false
	}
	name, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || !isPlain(name) {
		return buf, false
	}
	*l = splitLine{kind: fileType, name: name}
	if after, ok := bytes.CutPrefix(rest, sizeKey); ok {
		if l.size, rest, ok = cutNumber(after); !ok {
			return buf, false
		}
	}
	if after, ok := bytes.CutPrefix(rest, nullPayload); ok {
		return buf, isPosition(after)
	}
	rest, ok = bytes.CutPrefix(rest, payloadKey)
	if !ok {
		return buf, false
	}
	text, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || !isPosition(rest) {
		return buf, false
	}
	buf, ok = decodeBase64(buf, text)
	l.payload = buf
	return buf, ok
}

// parseJSON is for lines that are not of the usual shape: names with escapes or
// not in UTF-8, and what a later engine may change.
func (l *splitLine) parseJSON(line []byte) error {
	var e struct {
		Type    int    `json:"type"`
		Name    string `json:"name"`
		NameRaw []byte `json:"name_raw"`
		Size    int64  `json:"size"`
		Payload []byte `json:"payload"`
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("a line of the layer record is not JSON: %w", err)
	}
	*l = splitLine{kind: e.Type, name: []byte(e.Name), size: e.Size, payload: e.Payload}
	if len(e.NameRaw) > 0 {
		l.name = e.NameRaw
	}
	return nil
}

var errLine = errors.New("a line of the layer record is of no known kind")

// check refuses lines that describe no part of an archive.
func (l *splitLine) check() error {
	if l.kind != fileType && l.kind != segmentType || l.size < 0 {
		return errLine
	}
	return nil
}

// isPosition reports whether b is `,"position":N}`.
func isPosition(b []byte) bool {
	b, ok := bytes.CutPrefix(b, positionKey)
	if !ok {
		return false
	}
	_, b, ok = cutNumber(b)
	return ok && len(b) == 1 && b[0] == '}'
}

// cutNumber takes a whole number of up to 18 digits off the front of b, in the
// only form that JSON knows.
func cutNumber(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		if i++; i > 18 {
			return 0, b, false
		}
	}
	return n, b[i:], i == 1 || i > 1 && b[0] != '0'
}

// isPlain reports whether a JSON string means just its own bytes.
func isPlain(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < ' ' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.Valid(b)
}

// decodeBase64 decodes text into buf, which grows as needed. It is not ok where
// text is not base64, or holds bytes that JSON would not have let through. Half
// of a tar header is zeros, which take most of the time if decoded one by one.
func decodeBase64(buf, text []byte) ([]byte, bool) {
	n := base64.StdEncoding.DecodedLen(len(text))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	done := 0
	for len(text) > 0 {
		if k := zeros(text); k > 0 {
			clear(buf[done : done+k/4*3])
			done, text = done+k/4*3, text[k:]
			continue
		}
		k := nonZeros(text)
		got, err := base64.StdEncoding.Decode(buf[done:], text[:k])
		text, done = text[k:], done+got
		missing := k/4*3 - got // 1 or 2 where the end is padded, 3 or more for newlines
		if err != nil || k%4 != 0 || missing > 2 || missing > 0 && len(text) > 0 {
			return buf, false
		}
	}
	return buf[:done], true
}

// run is the length of text that is looked at in one go, and 24 bytes of the
// archive.
const run = 32

// zeros is the length of text at its front that stands for zeros, in whole runs
// and without the last.
func zeros(text []byte) (n int) {
	for len(text)-n > run && isZeros(text[n:]) {
		n += run
	}
	return n
}

// nonZeros is the length of text up to the next run of zeros, or all of it.
func nonZeros(text []byte) (n int) {
	for len(text)-n > run {
		if isZeros(text[n:]) {
			return n
		}
		n += run
	}
	return len(text)
}

// isZeros reports whether the first run of text is all A, base64 for zeros.
func isZeros(text []byte) bool {
	const as = 0x4141414141414141
	b := (*[run]byte)(text)
	return binary.NativeEndian.Uint64(b[0:]) == as && binary.NativeEndian.Uint64(b[8:]) == as &&
		binary.NativeEndian.Uint64(b[16:]) == as && binary.NativeEndian.Uint64(b[24:]) == as
}
