package remap

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/aymanbagabas/go-udiff"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// config is daemon.json as it was found.
type config struct {
	path    string
	existed bool
	data    []byte
}

// configOf gives the file that is edited. A link, a fifo or an immutable file is
// somebody's intention, and is not replaced.
func configOf(f survey.Facts) (config, error) {
	v := f.Config.Value
	c := config{path: f.ConfigPath(), existed: f.Config.Err == nil, data: v.Data}
	doing := "planning the change of " + c.path
	switch {
	case f.Config.Err != nil && !errors.Is(f.Config.Err, fs.ErrNotExist):
		return c, fmt.Errorf("%s: %w", doing, f.Config.Err)
	case v.Link != "" || v.Stat.Mode&fs.ModeSymlink != 0:
		return c, fmt.Errorf("%s: it is a symbolic link to %s: make the change where that file is managed", doing, v.Link)
	case v.Truncated:
		return c, fmt.Errorf("%s: it is too large", doing)
	case v.Stat.Immutable || v.Parent.Immutable:
		return c, fmt.Errorf("%s: it or its directory is immutable: clear the attribute with chattr -i", doing)
	}
	return c, nil
}

// edit is a file before and after. after is nil if the file is removed.
type edit struct {
	path          string
	existed       bool
	before, after []byte
	title         string
	pinned        string // the storage driver that it sets, "" none
}

// file is what the rollback has to know of the edit.
func (e edit) file() File {
	f := File{Path: e.path, Existed: e.existed, Added: added(string(e.before), string(e.after))}
	if e.existed {
		f.Before = sum(e.before)
	}
	if e.after != nil {
		f.After = sum(e.after)
	}
	return f
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// added is the one run of text that after has and before has not, or "" where
// that is not all the difference.
func added(before, after string) string {
	from := 0
	for from < len(before) && from < len(after) && before[from] == after[from] {
		from++
	}
	end := 0
	for end < len(before)-from && end < len(after)-from && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	if from+end != len(before) {
		return ""
	}
	return after[from : len(after)-end]
}

// diff is the edit as a unified diff.
func (e edit) diff() string {
	from := escape.Line(e.path)
	to := from
	if !e.existed {
		from = "/dev/null"
	}
	if e.after == nil {
		to = "/dev/null"
	}
	return udiff.Unified(from, to, string(e.before), string(e.after))
}

// steps put the edited file in its place.
func (e edit) steps() []Step {
	acts := []Act{e.unchanged()}
	switch {
	case e.after == nil:
		acts = append(acts, run("removing "+e.path, "rm", "-f", "--", e.path))
	case !e.existed:
		acts = append(acts, run("making "+path.Dir(e.path), "mkdir", "-p", "--", path.Dir(e.path)), replace(e.path, e.after, 0o644))
	default:
		acts = append(acts, replace(e.path, e.after, 0o644))
	}
	return []Step{{Name: "config", Title: e.title, Busy: "writing the file", Diff: e.diff(), Acts: acts}}
}

// unchanged holds that the file is what it was when the plan was made: what
// somebody has written into it since must not be lost.
func (e edit) unchanged() command {
	why := "reading " + e.path + " again"
	const edited = `|| { echo "it was edited after the plan was made; run the command again" >&2; exit 1; }`
	if !e.existed {
		return run(why, "sh", "-c", `[ ! -e "$1" ] && [ ! -h "$1" ] `+edited, "sh", e.path)
	}
	return run(why, "sh", "-c", `h=$(sha256sum <"$1") && [ "${h%% *}" = "$2" ] `+edited, "sh", e.path, sum(e.before))
}
