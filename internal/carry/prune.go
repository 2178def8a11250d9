//go:build linux

package carry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// present is the job without what was removed meanwhile.
func (j Job) present() (Job, error) {
	j.Images = slices.DeleteFunc(slices.Clone(j.Images), func(id string) bool { return !j.hasImage(id) })
	j.Volumes = slices.DeleteFunc(slices.Clone(j.Volumes), func(name string) bool { return !j.hasVolume(name) })
	_, err := os.Lstat(filepath.Join(j.From, layerStore)) // or all would be gone
	if len(j.Images) == 0 && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return j, err
}

func (j Job) hasImage(id string) bool {
	_, err := os.Lstat(filepath.Join(j.From, imageStore, "content/sha256", strings.TrimPrefix(id, "sha256:")))
	return !errors.Is(err, fs.ErrNotExist)
}

func (j Job) hasVolume(name string) bool {
	_, err := os.Lstat(filepath.Join(j.From, "volumes", name, "_data"))
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR)
}

// prune removes from the twin what an earlier attempt copied and this job does not have:
// volumes, images, and layers that none of its images need. An engine would show the
// first, and keep the others forever.
func (t twin) prune() error {
	var failed error
	for _, name := range names(filepath.Join(t.To, "volumes")) {
		if IsVolume(name) && name != "metadata.db" && !slices.Contains(t.Volumes, name) {
			failed = errors.Join(failed, os.RemoveAll(filepath.Join(t.To, "volumes", name)), removeFile(filepath.Join(t.To, notes, name+".seen")))
		}
	}
	needed := map[string]bool{}
	for _, id := range names(filepath.Join(t.To, imageStore, "content/sha256")) {
		if !slices.Contains(t.Images, "sha256:"+id) {
			failed = errors.Join(failed, removeFile(filepath.Join(t.To, imageStore, "content/sha256", id)), os.RemoveAll(filepath.Join(t.To, imageStore, "metadata/sha256", id)))
		}
	}
	for _, id := range t.Images {
		chains, err := t.chains(strings.TrimPrefix(id, "sha256:"))
		if err != nil && t.hasImage(id) {
			return err
		}
		for _, chain := range chains {
			needed[chain] = true
		}
	}
	for _, chain := range names(filepath.Join(t.To, layerStore)) {
		if !needed[chain] {
			failed = errors.Join(failed, t.removeLayer(chain))
		}
	}
	return failed
}

// removeLayer removes a layer of the twin, its record last, by which it is found.
func (t twin) removeLayer(chain string) error {
	record := filepath.Join(t.To, layerStore, chain)
	id, err := wordIn(filepath.Join(record, "cache-id"), cacheID)
	if err != nil {
		return os.RemoveAll(record) // a part of one
	}
	folder := filepath.Join(t.To, driver, id)
	if link, err := wordIn(filepath.Join(folder, "link"), linkID); err == nil {
		if err := removeFile(filepath.Join(t.To, driver, "l", link)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.RemoveAll(record)
}

// result tells what the complete twin has, and what of the old data root it does not.
func (t twin) result() (Result, error) {
	present, err := t.present()
	if err != nil {
		return Result{}, err
	}
	r := Result{Images: present.Images, Volumes: present.Volumes}
	known := slices.Concat(t.Known, t.Images, t.Volumes)
	for _, one := range slices.Concat(t.Images, t.Volumes) {
		if !slices.Contains(r.Images, one) && !slices.Contains(r.Volumes, one) {
			r.Gone = append(r.Gone, one)
		}
	}
	named, err := t.repositories()
	if err != nil {
		return r, err
	}
	for _, tags := range named.Repositories {
		for name, id := range tags {
			if !slices.Contains(known, id.String()) {
				r.New = append(r.New, name)
			}
		}
	}
	for _, name := range names(filepath.Join(t.From, "volumes")) {
		if IsVolume(name) && t.hasVolume(name) && !slices.Contains(known, name) {
			r.New = append(r.New, name)
		}
	}
	return r, nil
}

// names are those in a folder, none if it cannot be read.
func names(folder string) []string {
	var all []string
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
