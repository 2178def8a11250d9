//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// volumes copies the files of the volumes.
func (t twin) volumes(ctx context.Context, live bool) error {
	for _, name := range t.Volumes {
		t.tell("volume " + name)
		err := t.volume(ctx, name, live)
		if err != nil && !t.hasVolume(name) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
	}
	return nil
}

// volumeShift is how the owners of a volume's files are shifted.
func (j Job) volumeShift(name string) Shift {
	if slices.Contains(j.SameOwners, name) {
		return Shift{}
	}
	return j.shift()
}

func (t twin) volume(ctx context.Context, name string, live bool) (err error) {
	folder := filepath.Join("volumes", name)
	if err := folderAt(filepath.Join(t.To, folder), 0o701, 0, 0); err != nil {
		return err
	}
	seen, err := OpenSeen(filepath.Join(t.To, notes, name+".seen"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seen.Close()) }()
	o := t.options()
	o.Shift, o.Live, o.Seen = t.volumeShift(name), live, seen
	data := filepath.Join(folder, "_data")
	if err := Tree(ctx, filepath.Join(t.From, data), filepath.Join(t.To, data), o); err != nil {
		return err
	}
	return t.plain(ctx, filepath.Join(folder, "opts.json"))
}
