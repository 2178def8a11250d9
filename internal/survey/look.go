package survey

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// look is what has been seen of a host so far, round by round.
type look struct {
	host       host.Host
	peer       host.Process // who listens on a unix socket of this machine
	engine     *Engine      // nil if the daemon does not answer
	containers []inspected

	noMaps       bool // ID maps are left out
	seen         host.Answers
	ran          map[string]host.Result // by the words of the command: see result
	unprivileged bool                   // not root on the host
	dockerds     []int                  // processes that may be a dockerd
	unread       int                    // more of them
	units        map[string]Unit        // by name
}

// round asks and adds to what was seen. An empty one is not asked.
func (l *look) round(ctx context.Context, q host.Questions) error {
	if empty(q) {
		return nil
	}
	a, err := l.host.Look(ctx, q)
	if err != nil {
		return err
	}
	if l.ran == nil {
		l.ran = map[string]host.Result{}
	}
	for i, r := range a.Commands {
		l.ran[strings.Join(q.Commands[i].Args, "\x00")] = r
	}
	if l.seen.Files == nil {
		l.seen = a
		return nil
	}
	maps.Copy(l.seen.Files, a.Files)
	maps.Copy(l.seen.Inside, a.Inside)
	maps.Copy(l.seen.Stats, a.Stats)
	maps.Copy(l.seen.Reals, a.Reals)
	maps.Copy(l.seen.Dirs, a.Dirs)
	maps.Copy(l.seen.Lines, a.Lines)
	maps.Copy(l.seen.Links, a.Links)
	maps.Copy(l.seen.Spaces, a.Spaces)
	return nil
}

func empty(q host.Questions) bool {
	return len(q.Files)+len(q.Inside)+len(q.Stats)+len(q.Dirs)+len(q.Links)+len(q.Spaces)+len(q.Reals)+len(q.Lines)+len(q.Commands) == 0
}

// unasked leaves out what was asked before, or twice.
func (l *look) unasked(q host.Questions) host.Questions {
	q.Files = fresh(q.Files, l.seen.Files)
	q.Inside = unseen(q.Inside, l.seen.Inside, func(p host.Path) bool { return usable(p.Root) })
	q.Stats = fresh(q.Stats, l.seen.Stats)
	q.Attrs = fresh(q.Attrs, l.seen.Stats)
	q.Reals = fresh(q.Reals, l.seen.Reals)
	q.Dirs = fresh(q.Dirs, l.seen.Dirs)
	q.Links = fresh(q.Links, l.seen.Links)
	q.Spaces = fresh(q.Spaces, l.seen.Spaces)
	return q
}

func fresh[T any](paths []string, seen map[string]T) []string { return unseen(paths, seen, usable) }

func unseen[P comparable, T any](paths []P, seen map[P]T, usable func(P) bool) []P {
	once := map[P]bool{}
	return slices.DeleteFunc(paths, func(p P) bool {
		_, known := seen[p]
		again := once[p]
		once[p] = true
		return known || again || !usable(p)
	})
}

func usable(p string) bool { return path.IsAbs(p) && !strings.Contains(p, "\x00") }

var errNotAsked = errors.New("it was not asked for")

// real is a path of the host without the symlinks in it, as far as that was asked
// for and it is there.
func (l *look) real(p string) string {
	if r, ok := l.seen.Reals[p]; ok && r.Err == nil {
		return r.Path
	}
	return path.Clean(p)
}

// link is the target of a link that was asked for by its name.
func (l *look) link(p string) string { return l.seen.Links[p][p] }
