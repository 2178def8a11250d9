package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// errGone: a path went away between two looks of one round trip.
var errGone = fmt.Errorf("went away while it was looked at: %w", fs.ErrNotExist)

// askStats asks for all stats of q at once: see stats in the prelude.
func askStats(q Questions, into map[string]Stat) op {
	acls := ""
	if q.ACLs {
		acls = "y"
	}
	script := fmt.Sprintf("stats %s %s", quote(acls), words(q.Stats))
	return op{script, func(f *frames) error { return readStats(f, q, into) }}
}

func readStats(f *frames, q Questions, into map[string]Stat) error {
	letters, said, err := readLetters(f)
	if err != nil {
		return err
	}
	if len(letters) != len(q.Stats) || strings.Count(letters, "-") != len(said) {
		return fmt.Errorf("reading stats: %d answers for %d paths", len(letters), len(q.Stats))
	}
	var there []string
	for i, path := range q.Stats {
		if letters[i] == '+' {
			there = append(there, path)
			continue
		}
		into[path] = Stat{Err: saying("lstat", path, said[0])}
		said = said[1:]
	}
	if len(there) == 0 {
		return nil
	}
	if err := readStatLines(f, there, into); err != nil {
		return err
	}
	if err := readTargets(f, into); err != nil || !q.ACLs {
		return err
	}
	return readACLs(f, there, into)
}

// readLetters reads the messages for what is not there, and the letters.
func readLetters(f *frames) (letters string, said []string, err error) {
	for {
		body, _, status, err := f.record(MaxLines)
		switch {
		case err != nil:
			return "", nil, err
		case status == "letters":
			return string(body), said, nil
		case status == "0":
			said = append(said, string(body))
		}
	}
}

func readStatLines(f *frames, there []string, into map[string]Stat) error {
	text, _, _, err := f.record(MaxLines)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != len(there) {
		return fmt.Errorf("reading stats: %d lines for %d paths", len(lines), len(there))
	}
	for i, path := range there {
		into[path] = parseStat(path, lines[i])
	}
	return nil
}

// parseStat reads a line of `stat -c '%f %u %g %s %d %i %h'`.
func parseStat(path, line string) Stat {
	if line == "gone" {
		return Stat{Err: &fs.PathError{Op: "lstat", Path: path, Err: errGone}}
	}
	var mode uint32
	var s Stat
	if _, err := fmt.Sscanf(line, "%x %d %d %d %d %d %d", &mode, &s.UID, &s.GID, &s.Size, &s.Device, &s.Inode, &s.Links); err != nil {
		return Stat{Err: &fs.PathError{Op: "lstat", Path: path, Err: errors.New("unexpected answer of stat")}}
	}
	s.Mode = FileMode(mode)
	return s
}

func readTargets(f *frames, into map[string]Stat) error {
	targets, err := f.pairs()
	for path, target := range targets {
		if s, ok := into[path]; ok && s.Err == nil {
			s.Target = target
			into[path] = s
		}
	}
	return err
}

func askAttrs(paths []string, into map[string]Stat) op {
	return op{"attrs " + words(paths), func(f *frames) error {
		for _, path := range paths {
			line, _, _, err := f.record(window)
			if err != nil {
				return err
			}
			flags, _, _ := strings.Cut(string(line), " ")
			if s, ok := into[path]; ok && s.Err == nil {
				s.Immutable = strings.ContainsAny(flags, "ia")
				into[path] = s
			}
		}
		return nil
	}}
}
