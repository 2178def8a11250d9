package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// errGone: a path went away between two looks of one round trip.
var errGone = fmt.Errorf("went away while it was looked at: %w", fs.ErrNotExist)

// askStats asks for all stats of q at once: see stats in the prelude.
func askStats(q Questions, into map[string]Stat) op {
	acls := ""
	if q.ACLs {
		acls = "y"
	}
	script := fmt.Sprintf("stats %s %s", sh.Quote(acls), words(q.Stats))
	return op{script, func(f *frames) error { return readStats(f, q, into) }}
}

func readStats(f *frames, q Questions, into map[string]Stat) error {
	there, err := readLetters(f, q.Stats, into)
	if err != nil || len(there) == 0 {
		return err
	}
	if err := readStatLines(f, there, into); err != nil {
		return err
	}
	if err := readTargets(f, into); err != nil || !q.ACLs {
		return err
	}
	return readACLs(f, there, into)
}

// readLetters reads the messages for what is missing, and then the letters: which
// of the paths are there.
func readLetters(f *frames, paths []string, into map[string]Stat) (there []string, err error) {
	var said []string
	for {
		body, _, status, err := f.record(max(window, len(paths)))
		switch {
		case err != nil:
			return nil, err
		case status == "letters":
			return byLetters(string(body), paths, said, into)
		case status == "0" && len(said) < len(paths):
			said = append(said, string(body))
		case status != "1":
			return nil, malformed("stats", status)
		}
	}
}

func byLetters(letters string, paths, said []string, into map[string]Stat) (there []string, err error) {
	missing := strings.Count(letters, "-")
	if len(letters) != len(paths) || missing != len(said) || strings.Count(letters, "+") != len(letters)-missing {
		return nil, malformed("stats", letters)
	}
	for i, path := range paths {
		if letters[i] == '+' {
			there = append(there, path)
			continue
		}
		into[path] = Stat{Err: saying("lstat", path, said[0])}
		said = said[1:]
	}
	return there, nil
}

func readStatLines(f *frames, there []string, into map[string]Stat) error {
	text, _, _, err := f.record(MaxLines)
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte("\n")); n != len(there) {
		return malformed("stats", fmt.Sprintf("%d lines for %d paths", n, len(there)))
	}
	lines := strings.Split(string(text), "\n")
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
	var mode, uid, gid uint32
	var s Stat
	n, err := fmt.Sscanf(line, "%x %d %d %d %d %d %d", &mode, &uid, &gid, &s.Size, &s.Device, &s.Inode, &s.Links)
	if s.UID, s.GID = int64(uid), int64(gid); err != nil || n != 7 || s.Size < 0 || s.Links < 0 {
		return Stat{Err: &fs.PathError{Op: "lstat", Path: path, Err: errors.New("unexpected answer of stat")}}
	}
	s.Mode = FileMode(mode)
	return s
}

func readTargets(f *frames, into map[string]Stat) error {
	targets, err := f.pairs()
	for path, target := range targets {
		if s, ok := into[path]; ok && s.Mode&fs.ModeSymlink != 0 {
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
