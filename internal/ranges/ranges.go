// Package ranges says who holds which host IDs on a surveyed host: the account
// that an engine remaps to, the map that its ranges give, what others hold, and
// what is free. It decides on a survey; it reads and changes nothing.
package ranges

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Files are /etc/subuid and /etc/subgid as the survey found them. A file that
// does not exist is Missing; the error is for one that could not be read.
func Files(f survey.Facts) (subuid, subgid idmap.File, err error) {
	if subuid, err = file("/etc/subuid", f.SubUID); err != nil {
		return subuid, subgid, err
	}
	subgid, err = file("/etc/subgid", f.SubGID)
	return subuid, subgid, err
}

func file(path string, r survey.Read[survey.TextFile]) (idmap.File, error) {
	switch {
	case errors.Is(r.Err, fs.ErrNotExist):
		return idmap.File{Path: path, Missing: true}, nil
	case r.Err != nil:
		return idmap.File{}, fmt.Errorf("reading %s: %w", path, r.Err)
	case r.Value.Truncated:
		return idmap.File{}, fmt.Errorf("reading %s: %w", path, ErrTruncated)
	}
	return idmap.File{Path: path, Data: r.Value.Data}, nil
}

// ErrTruncated: the file is longer than a survey reads.
var ErrTruncated = errors.New("it is larger than 4 MiB, which no table of subordinate IDs is")

// Predict gives the map that the surveyed engine builds for an account when it
// starts, or the words with which it refuses. If the engine's version is not
// known, the rules of 28 hold. unread is set instead where a file could not be
// read.
func Predict(f survey.Facts, a Account) (m idmap.Map, refusal, unread error) {
	subuid, subgid, err := Files(f)
	if err != nil {
		return idmap.Map{}, nil, err
	}
	generation, _ := idmap.GenerationOf(f.Engine.Value.Version)
	m, refusal = idmap.Load(generation, subuid, subgid, a.Name, a.UID)
	return m, refusal, nil
}

// Lines are the lines of both files, those of the account apart from those of
// all others.
type Lines struct {
	UID, GID           []idmap.Line
	OtherUID, OtherGID []idmap.Line
}

// Split reads the lines of both files.
func Split(f survey.Facts, a Account) (Lines, error) {
	subuid, subgid, err := Files(f)
	if err != nil {
		return Lines{}, err
	}
	var l Lines
	if l.UID, l.OtherUID, err = split(subuid, a); err != nil {
		return Lines{}, err
	}
	l.GID, l.OtherGID, err = split(subgid, a)
	return l, err
}

func split(f idmap.File, a Account) (mine, others []idmap.Line, err error) {
	lines, err := idmap.Parse(f)
	for _, l := range lines {
		if l.For(a.Name, a.UID) {
			mine = append(mine, l)
		} else {
			others = append(others, l)
		}
	}
	return mine, others, err
}
