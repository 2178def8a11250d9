//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Measure looks at what a job has to copy, and at the disk. It writes a file without a
// name for a second or two, to see how fast that is, and changes nothing.
func (j Job) Measure(ctx context.Context, workers int) (Measured, error) {
	m := Measured{Images: map[string]Size{}, Volumes: map[string]Size{}, Containers: map[string]Size{}, Unmapped: map[string]int64{}, Problems: map[string]string{}}
	if err := j.valid(); err != nil {
		return m, err
	}
	if err := ownFolder(j.From); err != nil {
		return m, fmt.Errorf("the data root: %w", err)
	}
	var err error
	if m.Mounted, err = j.mounted(); err != nil {
		return m, err
	}
	m.Existing = !j.merges() && !isFree(j.Place)
	if m.There, err = j.inventory(ctx); err != nil {
		return m, err
	}
	layers := j.layersOf(&m)
	if err := sizesOf(ctx, workers, layers); err != nil {
		return m, err
	}
	for _, id := range j.Images {
		if m.Problems[id] == "" {
			m.Images[id] = j.sizeOfImage(id, layers, &m)
		}
	}
	for _, s := range layers {
		m.All.add(s.size)
	}
	if err := j.measureVolumes(ctx, workers, &m); err != nil {
		return m, err
	}
	if err := j.measureContainers(ctx, workers, &m); err != nil {
		return m, err
	}
	if m.Have, _, err = sizeOf(ctx, j.To, false, j.shift()); errors.Is(err, unix.ENOENT) {
		err = nil
	}
	if err != nil {
		return m, err
	}
	if m.Free, err = free(j.From); err != nil {
		return m, err
	}
	m.Speed, err = speed(ctx, j.From, m.Free.Bytes)
	return m, err
}

// isFree reports whether a path is missing, or an empty folder.
func isFree(path string) bool {
	info, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist) || err == nil && info.IsDir() && len(names(path)) == 0
}

// A measured tree is one whose size is asked for.
type measuredTree struct {
	path     string
	shift    Shift
	mounts   bool // may be in it, and are left out
	linked   bool // it takes no space
	size     Size
	unmapped int64 // files with an owner that the map does not have
	err      error
}

// layersOf are the layers of all images, by their names in the layer store.
func (j Job) layersOf(m *Measured) map[string]*measuredTree {
	layers := map[string]*measuredTree{}
	for _, id := range j.Images {
		chains, err := j.chains(strings.TrimPrefix(id, "sha256:"))
		if err != nil {
			m.Problems[id] = err.Error()
			continue
		}
		for _, chain := range chains {
			if layers[chain] != nil {
				continue
			}
			folder, err := j.word(filepath.Join(layerStore, chain, "cache-id"), cacheID)
			layers[chain] = &measuredTree{path: filepath.Join(j.From, driver, folder), shift: j.shift(), linked: j.hasLayer(chain), err: err}
		}
	}
	return layers
}

func (j Job) sizeOfImage(id string, layers map[string]*measuredTree, m *Measured) (size Size) {
	chains, _ := j.chains(strings.TrimPrefix(id, "sha256:")) // or there is a problem already
	for _, chain := range chains {
		if err := layers[chain].err; err != nil {
			m.Problems[id] = err.Error()
		}
		size.add(layers[chain].size)
	}
	return size
}

func sizesOf(ctx context.Context, workers int, trees map[string]*measuredTree) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(workers, 1))
	for _, tree := range trees {
		if tree.err == nil && !tree.linked {
			g.Go(func() error {
				tree.size, tree.unmapped, tree.err = sizeOf(ctx, tree.path, tree.mounts, tree.shift)
				return ctx.Err()
			})
		}
	}
	return g.Wait()
}

func (j Job) measureVolumes(ctx context.Context, workers int, m *Measured) error {
	volumes := map[string]*measuredTree{}
	for _, name := range j.Volumes {
		volumes[name] = &measuredTree{path: filepath.Join(j.From, "volumes", name, "_data"), shift: j.volumeShift(name), err: j.mountedVolume(name)}
	}
	if err := sizesOf(ctx, workers, volumes); err != nil {
		return err
	}
	for name, v := range volumes {
		if v.err != nil {
			m.Problems[name] = v.err.Error()
			continue
		}
		m.Volumes[name] = v.size
		if v.unmapped > 0 && !slices.Contains(j.SameOwners, name) {
			m.Unmapped[name] = v.unmapped
		}
		m.All.add(v.size)
	}
	return nil
}

func (j Job) measureContainers(ctx context.Context, workers int, m *Measured) error {
	for _, c := range j.Containers {
		layers, err := j.layersOfContainer(c.ID)
		if err != nil {
			m.Problems[c.ID] = err.Error()
			continue
		}
		trees := map[string]*measuredTree{"": {path: filepath.Join(j.From, "containers", c.ID), mounts: true}}
		for _, id := range layers {
			trees[id] = &measuredTree{path: filepath.Join(j.From, driver, id, "diff"), shift: j.containerShift(c)}
		}
		if err := sizesOf(ctx, workers, trees); err != nil {
			return err
		}
		var size Size
		for name, tree := range trees {
			if tree.err != nil {
				m.Problems[c.ID] = tree.err.Error()
			}
			size.add(tree.size)
			if name != "" && tree.unmapped > 0 && !c.HostUserns {
				m.Unmapped[c.ID] += tree.unmapped
			}
		}
		m.Containers[c.ID] = size
		m.All.add(size)
	}
	return nil
}

// mountedVolume refuses a volume whose files are elsewhere: opts.json of moby's
// volume/local names what is mounted for it.
func (j Job) mountedVolume(name string) error {
	data, err := os.ReadFile(filepath.Join(j.From, "volumes", name, "opts.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var o struct{ MountType, MountDevice string }
	if err := json.Unmarshal(data, &o); err != nil {
		return fmt.Errorf("its opts.json: %w", err)
	}
	if o.MountDevice != "" || o.MountType != "" {
		return fmt.Errorf("it is a mount of %q (type %q), which the remapped engine can mount as well", o.MountDevice, o.MountType)
	}
	return nil
}

// mounted are the folders of the data root that are on another file system than itself.
func (j Job) mounted() ([]string, error) {
	folders := []string{driver, filepath.Join(driver, "l"), "image", filepath.Dir(layerStore), "volumes"}
	if j.Networks {
		folders = append(folders, "network", filepath.Dir(networks))
	}
	if len(j.Containers) > 0 {
		folders = append(folders, "containers", mountStore)
	}
	other, err := otherDevices(j.From, j.From, folders)
	if err == nil && j.merges() {
		var there []string
		there, err = otherDevices(j.From, j.Place, slices.Concat([]string{""}, folders, swapped))
		other = append(other, there...)
	}
	return other, err
}

// otherDevices are those of the folders below one that are not on the file system of a data
// root.
func otherDevices(root, below string, folders []string) (other []string, _ error) {
	var top, st unix.Stat_t
	if err := unix.Lstat(root, &top); err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	for _, name := range folders {
		path := filepath.Join(below, name)
		err := unix.Lstat(path, &st)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if st.Dev != top.Dev || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			other = append(other, path)
		}
	}
	return other, nil
}
