package idmap

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// Generation is how an engine reads /etc/subuid and /etc/subgid. It changed
// twice between 20.10 and 29.7.
type Generation int

const (
	// Engine20 is 20.10 to 27: parseSubidFile of pkg/idtools/idtools.go.
	Engine20 Generation = iota
	// Engine28 is 28.0 to 29.6: lookupSubRangesFile of
	// internal/usergroup/lookup_unix.go, over moby/sys/user.
	Engine28
	// Engine297 is 29.7 on: it reads as Engine28 does, and words one error
	// otherwise.
	Engine297
)

// GenerationOf gives the generation of an engine by its version, such as
// "20.10.24+dfsg1" or "29.7.2", and whether that version could be read.
func GenerationOf(version string) (Generation, bool) {
	switch v, known := dockerd.ParseVersion(version); {
	case !known:
		return Engine28, false
	case v.AtLeast(29, 7):
		return Engine297, true
	case v.AtLeast(28):
		return Engine28, true
	}
	return Engine20, true
}

// Load predicts the map that an engine of generation g builds for an account
// from the two files when it starts, or the words with which it refuses to.
func Load(g Generation, subuid, subgid File, login string, uid int64) (Map, error) {
	var m Map
	var err error
	if m.UID, err = Read(g, subuid, login, uid); err == nil {
		m.GID, err = Read(g, subgid, login, uid)
	}
	if err == nil {
		return m, nil
	}
	if g == Engine297 {
		return Map{}, fmt.Errorf("error creating ID mappings: %w", err)
	}
	return Map{}, fmt.Errorf("Can't create ID mappings: %w", err)
}

// Read is what an engine of generation g makes of one file for an account: the
// extents, in the order in which it hands them to the kernel, or its own error
// text. Extents of size 0 or less are left in, as the engine leaves them in.
func Read(g Generation, f File, login string, uid int64) (Extents, error) {
	if f.Missing {
		return nil, fmt.Errorf("open %s: no such file or directory", f.Path)
	}
	if len(f.Data) > MaxFile {
		return nil, fmt.Errorf("reading %s: %w", f.Path, ErrTooLarge)
	}
	if g == Engine20 {
		return read20(f, login, uid)
	}
	return read28(f, login, uid)
}

// read20 looks for lines that are keyed by the UID, and only if there are
// none for lines that are keyed by the name. A line that does not have three
// fields is an error, whoever's it is.
func read20(f File, login string, uid int64) (Extents, error) {
	for _, key := range []string{strconv.FormatInt(uid, 10), login} {
		e, err := scan20(f, key)
		if err != nil || len(e) > 0 {
			return e, err
		}
	}
	kind := "subuid"
	if strings.HasSuffix(f.Path, "subgid") {
		kind = "subgid"
	}
	return nil, fmt.Errorf("no %s ranges found for user %q", kind, login)
}

func scan20(f File, key string) (Extents, error) {
	var e Extents
	var next int64
	s := bufio.NewScanner(bytes.NewReader(f.Data))
	for s.Scan() {
		text := strings.TrimSpace(s.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Split(text, ":")
		if len(fields) != 3 {
			return nil, fmt.Errorf("Cannot parse subuid/gid information: Format not correct for %s file", f.Path)
		}
		if fields[0] != key {
			continue
		}
		start, err := strconv.Atoi(fields[1])
		count := 0
		if err == nil {
			count, err = strconv.Atoi(fields[2])
		}
		if err != nil {
			return nil, fmt.Errorf("String to int conversion failed during subuid/gid parsing of %s: %w", f.Path, err)
		}
		e = append(e, Extent{ContainerID: next, HostID: int64(start), Size: int64(count)})
		next += int64(count)
	}
	return e, s.Err()
}

// read28 takes lines of both keys in file order, with the engine's own parser:
// what is no number counts as 0, what is missing too.
func read28(f File, login string, uid int64) (Extents, error) {
	key := strconv.FormatInt(uid, 10)
	lines, err := user.ParseSubIDFilter(bytes.NewReader(f.Data), func(s user.SubID) bool {
		return s.Name == login || s.Name == key
	})
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("no subuid ranges found for user %q", login)
	}
	e := make(Extents, 0, len(lines))
	var next int64
	for _, l := range lines {
		e = append(e, Extent{ContainerID: next, HostID: l.SubID, Size: l.Count})
		next += l.Count
	}
	return e, nil
}

// Suffix names the remapped root below the data root: "100000.100000". If a
// map has no container ID 0 it is "-1.-1", and the engine does not start.
func (m Map) Suffix() string {
	uid, gid := m.UID.Root(), m.GID.Root()
	if uid < 0 || gid < 0 {
		uid, gid = -1, -1
	}
	return fmt.Sprintf("%d.%d", uid, gid)
}
