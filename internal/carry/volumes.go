//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// volumes copies the files of the volumes.
func (j Job) volumes(ctx context.Context, live bool) error {
	for _, name := range j.Volumes {
		if err := j.volume(ctx, name, live); err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
	}
	return nil
}

func (j Job) volume(ctx context.Context, name string, live bool) (err error) {
	folder := filepath.Join("volumes", name)
	if err := folderAt(filepath.Join(j.To, folder), 0o701, 0, 0); err != nil {
		return err
	}
	seen, err := OpenSeen(filepath.Join(j.State, name+".seen"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seen.Close()) }()
	o := j.options()
	o.Live, o.Seen = live, seen
	data := filepath.Join(folder, "_data")
	if err := Tree(ctx, filepath.Join(j.From, data), filepath.Join(j.To, data), o); err != nil {
		return err
	}
	return j.plain(ctx, filepath.Join(folder, "opts.json"))
}

// Forget removes what is remembered of the volumes.
func (j Job) Forget() error {
	var err error
	for _, name := range j.Volumes {
		if e := os.Remove(filepath.Join(j.State, name+".seen")); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
