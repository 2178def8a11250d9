package remap

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Past is a change that was made on a host before, or given up.
type Past struct {
	Manifest
	Verdict Verdict
	// Config is daemon.json as it was before the change. HaveConfig reports whether
	// it was there then, and is kept as it was.
	Config     []byte
	HaveConfig bool
	Made       Created
}

// Verdict is what became of a change.
type Verdict string

// The verdicts. A change without one is under way, or was given up before it
// touched anything.
const (
	Kept   Verdict = "kept"
	Undone Verdict = "undone"
)

var idPattern = regexp.MustCompile(`^\d{8}T\d{6}Z$`)

// maxPast is how many changes are looked at, the newest ones.
const maxPast = 200

// History gives the changes that a host keeps, newest first, in three round trips.
// Folders that hold no manifest are left out. A folder that is not root's alone,
// or a link that leads out of it, is an error: nothing in it can be trusted.
func History(ctx context.Context, h host.Host) ([]Past, error) {
	all, err := records(ctx, h)
	if err != nil {
		return nil, err
	}
	return all, readConfigs(ctx, h, all)
}

// records are those changes without daemon.json as it was before them, in two
// round trips.
func records(ctx context.Context, h host.Host) ([]Past, error) {
	a, err := h.Look(ctx, host.Questions{Dirs: []string{Folder}, Stats: []string{Folder}})
	if err != nil {
		return nil, fmt.Errorf("listing earlier changes: %w", err)
	}
	dir := a.Dirs[Folder]
	if errors.Is(dir.Err, fs.ErrNotExist) {
		return nil, nil
	}
	if stat := a.Stats[Folder]; stat.Err == nil {
		if err := survey.RootsAlone(Folder, stat); err != nil {
			return nil, err
		}
	}
	if dir.Err != nil {
		return nil, fmt.Errorf("listing earlier changes in %s: %w", Folder, dir.Err)
	}
	ids := slices.DeleteFunc(dir.Names, func(n string) bool { return !idPattern.MatchString(n) })
	slices.Reverse(ids)
	ids = ids[:min(len(ids), maxPast)]
	var q host.Questions
	for _, id := range ids {
		at := path.Join(Folder, id)
		q.Files = append(q.Files, path.Join(at, manifestFile), path.Join(at, madeFile))
		q.Stats = append(q.Stats, at, path.Join(at, manifestFile), path.Join(at, madeFile), path.Join(at, "verdict"))
	}
	if a, err = h.Look(ctx, q); err != nil {
		return nil, fmt.Errorf("reading earlier changes: %w", err)
	}
	var all []Past
	for _, id := range ids {
		at := path.Join(Folder, id)
		err := survey.RootsAlone(at, a.Stats[at])
		if err := errors.Join(err, noLinks(a.Stats, path.Join(at, manifestFile), path.Join(at, madeFile))); err != nil {
			return nil, err
		}
		manifest := a.Files[path.Join(at, manifestFile)]
		if manifest.Truncated || manifest.Err != nil && !errors.Is(manifest.Err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading %s: %w", path.Join(at, manifestFile), cmp.Or(manifest.Err, errTooLarge))
		}
		var p Past
		if json.Unmarshal(manifest.Data, &p.Manifest) != nil || p.ID != id || len(p.Files) == 0 {
			continue
		}
		p.Verdict = Verdict(a.Stats[path.Join(at, "verdict")].Target)
		p.Made = parseMade(string(a.Files[path.Join(at, madeFile)].Data))
		all = append(all, p)
	}
	return all, nil
}

// errTooLarge: what is not read in full is not believed. A change whose manifest is not
// would be taken for somebody else's.
var errTooLarge = fmt.Errorf("it is larger than the %d MiB that are read", host.MaxFile>>20)

// readConfigs reads the backup of the file that each change edited first, which
// is daemon.json.
func readConfigs(ctx context.Context, h host.Host, all []Past) error {
	var q host.Questions
	for _, p := range all {
		q.Files = append(q.Files, p.backup())
		for at := p.backup(); strings.HasPrefix(at, path.Join(Folder, p.ID)+"/"); at = path.Dir(at) {
			q.Stats = append(q.Stats, at)
		}
	}
	if len(q.Files) == 0 {
		return nil
	}
	a, err := h.Look(ctx, q)
	if err != nil {
		return fmt.Errorf("reading the backups of earlier changes: %w", err)
	}
	if err := noLinks(a.Stats, q.Stats...); err != nil {
		return err
	}
	for i, p := range all {
		if c := p.config(); c.Existed {
			if body := a.Files[p.backup()]; body.Err == nil && sum(body.Data) == c.Before {
				all[i].Config, all[i].HaveConfig = body.Data, true
			}
		}
	}
	return nil
}

// noLinks says which of the paths leads somewhere else.
func noLinks(stats map[string]host.Stat, paths ...string) error {
	for _, p := range paths {
		if s := stats[p]; s.Mode&fs.ModeSymlink != 0 {
			return &survey.FolderError{Path: p, Wrong: "is a link to " + s.Target}
		}
	}
	return nil
}

// change is what the script of the change knows it by.
func (p Past) change() Change { return Change{ID: p.ID} }

func (p Past) backup() string {
	return path.Join(Folder, p.ID, "backup", p.config().Path)
}
