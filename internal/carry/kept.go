//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// merges reports whether the twin gets what its place has, too.
func (j Job) merges() bool { return j.Aside != "" }

// keeping is the twin as far as it is made of what its place has, with the same owners. Layers
// of images never change, so their files are linked. All else is copied: what an engine writes to
// the twin before an undo must not show in the place.
func (t twin) keeping() twin {
	k := t
	k.Job = Job{From: t.Place, To: t.To, Place: t.Place, Back: true, Images: t.Kept.Images, Volumes: t.Kept.Volumes}
	k.link = true
	return k
}

// keep adds to the twin what its place keeps.
func (t twin) keep(ctx context.Context) error {
	if !t.merges() {
		return nil
	}
	k := t.keeping()
	for _, id := range k.Images {
		if err := k.image(ctx, strings.TrimPrefix(id, "sha256:")); err != nil {
			return fmt.Errorf("image %s of %s: %w", id, t.Place, err)
		}
	}
	for _, name := range k.Volumes {
		if err := k.keepVolume(ctx, name); err != nil {
			return fmt.Errorf("volume %s of %s: %w", name, t.Place, err)
		}
	}
	for _, id := range t.Kept.Containers {
		if err := k.keepContainer(ctx, id); err != nil {
			return fmt.Errorf("container %s of %s: %w", id, t.Place, err)
		}
	}
	return nil
}

func (t twin) keepVolume(ctx context.Context, name string) error {
	folder := filepath.Join("volumes", name)
	if err := folderAt(filepath.Join(t.To, folder), 0o701, 0, 0); err != nil {
		return err
	}
	if err := t.keepTree(ctx, filepath.Join(folder, "_data"), name); err != nil {
		return err
	}
	return t.plain(ctx, filepath.Join(folder, "opts.json"))
}

// keepContainer adds a container, with the layers of its image: the image itself may have
// been removed.
func (t twin) keepContainer(ctx context.Context, id string) error {
	layers, err := t.layersOfContainer(id)
	if err != nil {
		return err
	}
	if err := t.plain(ctx, filepath.Join(mountStore, id)); err != nil {
		return err
	}
	chains, err := t.below(id)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if err := t.layer(ctx, chain); err != nil {
			return fmt.Errorf("layer sha256:%s: %w", chain, err)
		}
	}
	for _, layer := range layers {
		err := t.remembering("kept-"+layer, func(seen *Seen) error {
			return t.layerFiles(ctx, layer, Options{Workers: t.workers, Progress: t.progress, Seen: seen})
		})
		if err != nil {
			return err
		}
	}
	if err := folderAt(filepath.Join(t.To, "containers"), 0o710, 0, t.group()); err != nil {
		return err
	}
	return t.keepTree(ctx, filepath.Join("containers", id), id)
}

// keepTree copies a folder of what is kept.
func (t twin) keepTree(ctx context.Context, folder, name string) error {
	return t.remembering("kept-"+name, func(seen *Seen) error {
		o := Options{PassMounts: true, Workers: t.workers, Progress: t.progress, Seen: seen}
		return Tree(ctx, filepath.Join(t.From, folder), filepath.Join(t.To, folder), o)
	})
}

// remembering copies with what is remembered under a name.
func (t twin) remembering(name string, copy func(*Seen) error) error {
	seen, err := OpenSeen(filepath.Join(t.To, notes, name+".seen"))
	if err != nil {
		return err
	}
	return errors.Join(copy(seen), seen.Close())
}

var chainID = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// below are the names in the layer store of the layers that a container is made on.
func (j Job) below(id string) (chains []string, err error) {
	for parent := filepath.Join(mountStore, id, "parent"); ; {
		chain, err := j.word(parent, chainID)
		if errors.Is(err, os.ErrNotExist) {
			return chains, nil
		}
		if err == nil && len(chains) > dockerd.MaxLayers {
			err = fmt.Errorf("more than %d layers", dockerd.MaxLayers)
		}
		if err != nil {
			return nil, err
		}
		chains = append(chains, strings.TrimPrefix(chain, "sha256:"))
		parent = filepath.Join(layerStore, chains[len(chains)-1], "parent")
	}
}

// hasLayer reports whether the place of the twin has a layer under the same names as the
// data root that is copied. Layers never change, so it is linked.
func (j Job) hasLayer(chain string) bool {
	if !j.merges() {
		return false
	}
	name := filepath.Join(layerStore, chain, "cache-id")
	here, err := j.word(name, cacheID)
	if err != nil {
		return false
	}
	there, err := wordIn(filepath.Join(j.Place, name), cacheID)
	return err == nil && here == there
}

// layerAgain adds the files of a layer that the twin has already, if the place of the twin has
// it under another name in the storage driver: layers above it are mounted by that name.
func (t twin) layerAgain(ctx context.Context, chain string) error {
	if !t.link {
		return nil
	}
	name := filepath.Join(layerStore, chain, "cache-id")
	id, err := t.word(name, cacheID)
	if err != nil {
		return err
	}
	if has, err := wordIn(filepath.Join(t.To, name), cacheID); err != nil || has == id {
		return err
	}
	return t.layerFiles(ctx, id, t.options())
}

// keepNames adds the names of the images that are kept, as far as no other image has them.
func (t twin) keepNames(names *repositories) error {
	kept, err := t.keeping().repositories()
	if err != nil {
		return err
	}
	for repository, tags := range kept.Repositories {
		for name, id := range tags {
			if _, taken := names.Repositories[repository][name]; taken || !slices.Contains(t.Kept.Names, id.String()) {
				delete(tags, name)
			}
		}
	}
	names.add(kept)
	return nil
}

// keepVolumeMetadata adds labels and options of the volumes that are kept: db.go of moby's
// volume/service has them in one bucket. Nobody else has the files open.
func (t twin) keepVolumeMetadata() error {
	if !t.merges() || len(t.Kept.Volumes) == 0 {
		return nil
	}
	const name = "volumes/metadata.db"
	from, err := bbolt.Open(filepath.Join(t.Place, name), 0o600, &bbolt.Options{ReadOnly: true, Timeout: 10 * time.Second})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the labels of volumes in %s: %w", t.Place, err)
	}
	defer from.Close()
	to, err := bbolt.Open(filepath.Join(t.To, name), 0o600, &bbolt.Options{Timeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("keep the labels of volumes: %w", err)
	}
	err = to.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("volumes"))
		if err != nil {
			return err
		}
		return from.View(func(old *bbolt.Tx) error {
			for _, volume := range t.Kept.Volumes {
				if b := old.Bucket([]byte("volumes")); b != nil && b.Get([]byte(volume)) != nil {
					if err := bucket.Put([]byte(volume), b.Get([]byte(volume))); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("keep the labels of volumes: %w", err)
	}
	return nil
}

// asBefore gives a container back what enable took from it, by what the place of the twin
// has of the same container.
func (t twin) asBefore(c Container) func(object) error {
	return func(o object) error {
		data, err := os.ReadFile(filepath.Join(t.Place, "containers", c.ID, "hostconfig.json"))
		if errors.Is(err, os.ErrNotExist) {
			return nil // it was made since
		}
		if err != nil {
			return err
		}
		var was object
		if err := json.Unmarshal(data, &was); err != nil {
			return err
		}
		for key, taken := range map[string]bool{"UsernsMode": c.HostUserns, "RestartPolicy": c.Stopped} {
			if value, ok := was[key]; ok && taken {
				o[key] = value
			}
		}
		return nil
	}
}

// swapped are the folders of a data root that the twin has in their stead, and those that
// belong to them and that a new engine makes: build caches consist of layers, too.
// remap/change/4-outage.sh swaps them back.
var swapped = []string{"image", driver, "containers", "volumes", "network", "buildkit"}

// swap puts the folders of the complete twin in the place of those that are there, which
// move aside.
func (j Job) swap() error {
	if err := errors.Join(ownFolder(j.Place), os.Mkdir(j.Aside, 0o700)); err != nil {
		return fmt.Errorf("move what %s has aside: %w", j.Place, err)
	}
	for _, name := range swapped {
		place, aside := filepath.Join(j.Place, name), filepath.Join(j.Aside, name)
		err := unix.Renameat2(unix.AT_FDCWD, place, unix.AT_FDCWD, aside, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.ENOENT) {
			err = os.WriteFile(aside+".none", nil, 0o600)
		}
		if err != nil {
			return fmt.Errorf("move %s to %s: %w", place, aside, err)
		}
		err = unix.Renameat2(unix.AT_FDCWD, filepath.Join(j.To, name), unix.AT_FDCWD, place, unix.RENAME_NOREPLACE)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("move %s to %s: %w", filepath.Join(j.To, name), place, err)
		}
	}
	return syncFileSystem(j.Place)
}
