package survey

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Path is a path on the host that a container mounts.
type Path struct {
	Real    string    // the path without symlinks
	Stat    host.Stat // of what it leads to
	Parents []Parent  // every directory above Real, "/" first
	// State is the directory, Real or one above it, that shows signs of being the
	// state of an engine or a runtime; "" if none does.
	State  string
	Inside *Inside // what the directory holds; nil if it was not looked into
}

// Parent is a directory that has to be traversed to reach a path.
type Parent struct {
	Path string
	Stat host.Stat
}

// signs are what shows a directory to be the state of an engine or a runtime:
// dockerd's data root, containerd's, that of Podman and CRI-O, and kubelet's.
var signs = []string{
	"volumes/metadata.db", "io.containerd.metadata.v1.bolt", "libpod", "overlay-containers", "vfs-containers", "cpu_manager_state",
}

var errMoved = errors.New("it was changed while it was looked at")

// sources are those of all bind mounts, sorted.
func (l *look) sources() []string {
	set := map[string]bool{}
	for _, c := range l.containers {
		for _, m := range c.Mounts {
			if m.Type == "bind" && path.IsAbs(m.Source) && !strings.Contains(m.Source, "\x00") {
				set[m.Source] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// What a container mounts: where the links of each mount lead to, as the kernel
// follows them when the container starts, and what is known of that place.
var pathsTopic = topic{
	second: func(l *look, q *host.Questions) { q.Reals = append(q.Reals, l.sources()...) },
	third:  (*look).askReals,
	read: func(l *look, f *Facts) {
		f.Paths.Value = map[string]Path{}
		for _, source := range l.sources() {
			f.Paths.Value[source] = l.sourceAt(source)
		}
	},
	unread: func(f *Facts, err error) { f.Paths.Err = err },
}

// askReals asks for what the links led to.
func (l *look) askReals(q *host.Questions) {
	for _, p := range l.sources() {
		real := l.seen.Reals[p]
		if real.Err != nil || !path.IsAbs(real.Path) {
			continue
		}
		for _, dir := range chain(real.Path) {
			q.Stats = append(q.Stats, dir)
			for _, sign := range signs {
				q.Stats = append(q.Stats, path.Join(dir, sign))
			}
		}
	}
}

// sourceAt is what is known of a path that a container mounts.
func (l *look) sourceAt(p string) Path {
	real := l.seen.Reals[p]
	if real.Err != nil || !path.IsAbs(real.Path) {
		if real.Err == nil {
			real.Err = &fs.PathError{Op: "following", Path: p, Err: fs.ErrInvalid}
		}
		return Path{Real: path.Clean(p), Stat: host.Stat{Err: real.Err}}
	}
	found, need := pathOf(real.Path, l.seen.Stats)
	if len(need) > 0 { // a part of it became a link meanwhile
		return Path{Real: real.Path, Stat: host.Stat{Err: &fs.PathError{Op: "following", Path: p, Err: errMoved}}}
	}
	for _, dir := range chain(real.Path) {
		for _, sign := range signs {
			if s, ok := l.seen.Stats[path.Join(dir, sign)]; ok && s.Err == nil {
				found.State = dir
			}
		}
	}
	return found
}
