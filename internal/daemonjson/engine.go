package daemonjson

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// Refusal predicts what dockerd says of the text when it starts, or nil where
// it reads it. major is that of the engine's version, 20 or 28. Only the
// reading is predicted: not the keys that dockerd does not know, nor those that
// are flags of the command line too.
//
// Up to 22 dockerd reads the first value and leaves the rest; from 23.0 on it
// reads it all, takes a byte order mark, and an empty file for an empty
// configuration (getConflictFreeConfiguration in daemon/config/config.go, with
// "invalid JSON: " before the words from 29.7 on). The words are the innermost
// ones; dockerd puts the file's name, and of invalid UTF-8 an offset, before.
func Refusal(major int, text []byte) error {
	var object map[string]any
	if major < 23 {
		return json.NewDecoder(bytes.NewReader(text)).Decode(&object)
	}
	text = bytes.TrimSpace(decode(text))
	if !utf8.Valid(text) {
		return errors.New("encoding: invalid UTF-8")
	}
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, &object)
}

// byteOrderMark gives the length and the encoding of a byte order mark.
func byteOrderMark(text []byte) (int, string) {
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return 3, "UTF-8"
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		return 2, "UTF-16LE"
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		return 2, "UTF-16BE"
	}
	return 0, ""
}

// decode gives text that has a byte order mark as UTF-8 without one.
func decode(text []byte) []byte {
	n, name := byteOrderMark(text)
	var order binary.ByteOrder = binary.BigEndian
	switch name {
	case "", "UTF-8":
		return text[n:]
	case "UTF-16LE":
		order = binary.LittleEndian
	}
	units := make([]uint16, 0, len(text)/2)
	for rest := text[n:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units)))
}
