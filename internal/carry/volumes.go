//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
	o.Live, o.Seen = live, seen
	data := filepath.Join(folder, "_data")
	if err := Tree(ctx, filepath.Join(t.From, data), filepath.Join(t.To, data), o); err != nil {
		return err
	}
	return t.plain(ctx, filepath.Join(folder, "opts.json"))
}
