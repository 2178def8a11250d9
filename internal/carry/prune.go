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
	j.Containers = slices.DeleteFunc(slices.Clone(j.Containers), func(c Container) bool { return !j.hasContainer(c.ID) })
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

func (j Job) hasContainer(id string) bool {
	_, err := os.Lstat(filepath.Join(j.From, "containers", id, "config.v2.json"))
	return !errors.Is(err, fs.ErrNotExist)
}

// prune removes from the twin what an earlier attempt copied and this job does not have:
// volumes, containers, images, and layers that none of its images need. An engine would
// show the first, and keep the others forever.
func (t twin) prune() error {
	failed := os.RemoveAll(filepath.Join(t.To, filepath.Dir(networks))) // copied by Finish alone
	for _, name := range names(filepath.Join(t.To, "volumes")) {
		if IsVolume(name) && name != "metadata.db" && !slices.Contains(slices.Concat(t.Volumes, t.Kept.Volumes), name) {
			failed = errors.Join(failed, t.removeVolume(name))
		}
	}
	for _, id := range names(filepath.Join(t.To, mountStore)) {
		if !slices.Contains(slices.Concat(t.containerIDs(), t.Kept.Containers), id) {
			failed = errors.Join(failed, t.removeContainer(id))
		}
	}
	needed := map[string]bool{}
	for _, id := range names(filepath.Join(t.To, imageStore, "content/sha256")) {
		if !slices.Contains(slices.Concat(t.Images, t.Kept.Images), "sha256:"+id) {
			failed = errors.Join(failed, removeFile(filepath.Join(t.To, imageStore, "content/sha256", id)), os.RemoveAll(filepath.Join(t.To, imageStore, "metadata/sha256", id)))
		}
	}
	if err := t.need(needed, nil); err != nil {
		return err
	}
	if err := t.keeping().need(needed, t.Kept.Containers); err != nil {
		return err
	}
	for _, chain := range names(filepath.Join(t.To, layerStore)) {
		if !needed[chain] {
			failed = errors.Join(failed, os.RemoveAll(filepath.Join(t.To, layerStore, chain)))
		}
	}
	return errors.Join(failed, t.pruneLayerFiles(needed))
}

// pruneLayerFiles removes the folders of layers, whole or a part of one, that belong
// neither to these layers of images nor to a container of the job.
func (t twin) pruneLayerFiles(chains map[string]bool) error {
	used := map[string]bool{"l": true}
	t.use(used, chains, t.containerIDs())
	t.keeping().use(used, chains, t.Kept.Containers)
	var failed error
	for _, id := range names(filepath.Join(t.To, driver)) {
		if !used[id] {
			failed = errors.Join(failed, t.removeLayerFiles(id))
		}
	}
	return failed
}

// use adds the folders of layers that the data root has for these layers of images and
// containers.
func (t twin) use(used, chains map[string]bool, containers []string) {
	for chain := range chains {
		if id, err := t.word(filepath.Join(layerStore, chain, "cache-id"), cacheID); err == nil {
			used[id] = true
		}
	}
	for _, id := range containers {
		layers, _ := t.layersOfContainer(id) // or the copy says what is wrong
		for _, layer := range layers {
			used[layer] = true
		}
	}
}

// need adds the layers that the images and some containers are made of.
func (t twin) need(needed map[string]bool, containers []string) error {
	var all []string
	for _, id := range t.Images {
		chains, err := t.chains(strings.TrimPrefix(id, "sha256:"))
		if err != nil && t.hasImage(id) {
			return err
		}
		all = append(all, chains...)
	}
	for _, id := range containers {
		chains, err := t.below(id)
		if err != nil {
			return err
		}
		all = append(all, chains...)
	}
	for _, chain := range all {
		needed[chain] = true
	}
	return nil
}

// removeReowned removes from the twin what an earlier attempt copied with other owners
// than this job asks for.
func (t twin) removeReowned(earlier Job) error {
	var failed error
	for _, name := range t.Volumes {
		if slices.Contains(earlier.SameOwners, name) != slices.Contains(t.SameOwners, name) {
			failed = errors.Join(failed, t.removeVolume(name))
		}
	}
	for _, c := range t.Containers {
		if slices.ContainsFunc(earlier.Containers, func(e Container) bool { return e.ID == c.ID && e.HostUserns != c.HostUserns }) {
			failed = errors.Join(failed, t.removeContainer(c.ID))
		}
	}
	return failed
}

func (t twin) removeVolume(name string) error {
	return errors.Join(os.RemoveAll(filepath.Join(t.To, "volumes", name)), removeFile(filepath.Join(t.To, notes, name+".seen")))
}

// removeLayerFiles removes what layerFiles makes.
func (t twin) removeLayerFiles(id string) error {
	folder := filepath.Join(t.To, driver, id)
	if link, err := wordIn(filepath.Join(folder, "link"), linkID); err == nil {
		if err := removeFile(filepath.Join(t.To, driver, "l", link)); err != nil {
			return err
		}
	}
	return os.RemoveAll(folder)
}

// result tells what the complete twin has, and what of the old data root it does not.
func (t twin) result() (Result, error) {
	present, err := t.present()
	if err != nil {
		return Result{}, err
	}
	r := Result{Images: present.Images, Volumes: present.Volumes, Containers: present.containerIDs(), Networks: t.Networks}
	wanted, there := slices.Concat(t.Images, t.Volumes, t.containerIDs()), slices.Concat(r.Images, r.Volumes, r.Containers)
	known := slices.Concat(t.Known, wanted)
	for _, one := range wanted {
		if !slices.Contains(there, one) {
			r.Gone = append(r.Gone, one)
		}
	}
	for _, id := range names(filepath.Join(t.From, "containers")) {
		if containerID.MatchString(id) && t.hasContainer(id) && !slices.Contains(known, id) {
			r.New = append(r.New, t.nameOf(id))
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
