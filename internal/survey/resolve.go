package survey

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// maxLinks is how many symlinks one path may lead over, as in the kernel
// (MAXSYMLINKS, path_resolution(7)).
const maxLinks = 40

var errManyLinks = errors.New("it leads over more symbolic links than were followed")

// resolve follows the symlinks of an absolute path through what is known of the
// host. It returns the path without them, or the first path whose stat it needs
// to go on. A missing part ends it: the rest stays as it is.
func resolve(p string, known map[string]host.Stat) (real, need string) {
	real = "/"
	rest := strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			real = path.Dir(real)
			continue
		}
		next := path.Join(real, name)
		s, ok := known[next]
		if !ok {
			return "", next
		}
		if s.Err != nil || links == maxLinks {
			return path.Join(next, path.Join(rest...)), ""
		}
		if s.Target == "" {
			real = next
			continue
		}
		links++
		rest = append(strings.Split(s.Target, "/"), rest...)
		if path.IsAbs(s.Target) {
			real = "/"
		}
	}
	return real, ""
}

// chain is a path and every directory above it, "/" first.
func chain(p string) []string {
	var dirs []string
	for p = path.Clean(p); ; p = path.Dir(p) {
		dirs = append([]string{p}, dirs...)
		if p == "/" || p == "." {
			return dirs
		}
	}
}

// pathOf makes a Path of what is known, and says what is missing for it.
func pathOf(p string, known map[string]host.Stat) (found Path, need []string) {
	real, next := resolve(p, known)
	if next != "" {
		return Path{}, []string{next}
	}
	all := chain(real)
	for i, dir := range all {
		s, ok := known[dir]
		if !ok && (i == 0 || known[all[i-1]].Err == nil) {
			need = append(need, dir)
			continue
		}
		if !ok { // nothing is below what is missing
			s.Err = known[all[i-1]].Err
		}
		if i == len(all)-1 {
			found.Stat = s
		} else {
			found.Parents = append(found.Parents, Parent{dir, s})
		}
	}
	found.Real = real
	return found, need
}

// pathAt is what is known of a path.
func (l *look) pathAt(p string) Path {
	found, need := pathOf(p, l.seen.Stats)
	if len(need) > 0 {
		found.Stat.Err = &fs.PathError{Op: "following", Path: p, Err: errManyLinks}
	}
	return found
}
