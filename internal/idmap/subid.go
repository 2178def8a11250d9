package idmap

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxFile is the most bytes of /etc/subuid or /etc/subgid that are looked at.
// 100000 accounts with one range each take about half of it.
const MaxFile = 4 << 20

// maxID is one past the last ID that Linux can give away: uid_t has 32 bits,
// and (uid_t)-1 means "no change" to chown(2) and setresuid(2).
const maxID = 1<<32 - 1

// ErrTooLarge is what Parse and Read say of a file of more than MaxFile bytes.
var ErrTooLarge = errors.New("larger than 4 MiB, which no table of subordinate IDs is")

// A File is /etc/subuid or /etc/subgid as it was found.
type File struct {
	Path    string
	Data    []byte
	Missing bool
}

// A Line is one line of /etc/subuid or /etc/subgid that is neither blank nor a
// comment, subuid(5).
type Line struct {
	Number int    // from 1 on
	Raw    string // as it is in the file, without its line end
	Owner  string // a login name or a decimal UID
	Start  int64
	Count  int64
	// Problem says what is wrong with the line, or is empty. Start and Count
	// of such a line are what could be read of them, else 0.
	Problem string
}

// Range is what the line gives away. Of a line with a problem it is empty.
func (l Line) Range(reason string) Range {
	if l.Problem != "" {
		return Range{Reason: reason}
	}
	return Range{Start: l.Start, Size: l.Count, Reason: reason}
}

// For reports whether the line is one of the account's: its key is the login name
// or the UID in decimal.
func (l Line) For(user string, uid int64) bool {
	return l.Owner == user || l.Owner == strconv.FormatInt(uid, 10)
}

// Parse reads the lines of f, those with a problem too. A file that is missing
// has none. The error is ErrTooLarge or nil.
func Parse(f File) ([]Line, error) {
	if len(f.Data) > MaxFile {
		return nil, fmt.Errorf("reading %s: %w", f.Path, ErrTooLarge)
	}
	var lines []Line
	n := 0
	for raw := range bytes.Lines(f.Data) {
		n++
		text := strings.TrimSpace(string(raw))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		line := parseLine(text)
		line.Number, line.Raw = n, strings.TrimRight(string(raw), "\r\n")
		lines = append(lines, line)
	}
	return lines, nil
}

func parseLine(text string) Line {
	fields := strings.Split(text, ":")
	line := Line{Owner: fields[0]}
	if len(fields) != 3 {
		line.Problem = fmt.Sprintf("it is not of the form login:start:count (fields: %d)", len(fields))
		return line
	}
	var startErr, countErr error
	line.Start, startErr = strconv.ParseInt(fields[1], 10, 64)
	line.Count, countErr = strconv.ParseInt(fields[2], 10, 64)
	switch {
	case line.Owner == "":
		line.Problem = "it names no login or UID"
	case startErr != nil:
		line.Start, line.Problem = 0, fmt.Sprintf("its start %q is not a number", fields[1])
	case countErr != nil:
		line.Count, line.Problem = 0, fmt.Sprintf("its count %q is not a number", fields[2])
	case line.Start < 0:
		line.Problem = "its start is negative"
	case line.Count <= 0:
		line.Problem = "its count is not more than 0"
	default:
		if err := (Range{Start: line.Start, Size: line.Count}).Err(); err != nil {
			line.Problem = err.Error()
		}
	}
	return line
}
