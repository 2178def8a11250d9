//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Measure looks at what a job has to copy, and at the disk. It writes a file without a
// name for a second or two, to see how fast that is, and changes nothing.
func (j Job) Measure(ctx context.Context, workers int) (Measured, error) {
	m := Measured{Images: map[string]Size{}, Volumes: map[string]Size{}, Unmapped: map[string]int64{}, Problems: map[string]string{}}
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
	m.Existing = len(names(j.Place)) > 0
	layers := j.layersOf(&m)
	if err := sizesOf(ctx, workers, j.shift(), layers); err != nil {
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
	if m.Have, _, err = sizeOf(ctx, j.To, j.shift()); errors.Is(err, unix.ENOENT) {
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

// A measured tree is one whose size is asked for.
type measuredTree struct {
	path     string
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
			layers[chain] = &measuredTree{path: filepath.Join(j.From, driver, folder), err: err}
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

func sizesOf(ctx context.Context, workers int, shift Shift, trees map[string]*measuredTree) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(workers, 1))
	for _, tree := range trees {
		if tree.err == nil {
			g.Go(func() error {
				tree.size, tree.unmapped, tree.err = sizeOf(ctx, tree.path, shift)
				return ctx.Err()
			})
		}
	}
	return g.Wait()
}

func (j Job) measureVolumes(ctx context.Context, workers int, m *Measured) error {
	volumes := map[string]*measuredTree{}
	for _, name := range j.Volumes {
		volumes[name] = &measuredTree{path: filepath.Join(j.From, "volumes", name, "_data"), err: j.mountedVolume(name)}
	}
	if err := sizesOf(ctx, workers, j.shift(), volumes); err != nil {
		return err
	}
	for name, v := range volumes {
		if v.err != nil {
			m.Problems[name] = v.err.Error()
			continue
		}
		m.Volumes[name] = v.size
		if v.unmapped > 0 {
			m.Unmapped[name] = v.unmapped
		}
		m.All.add(v.size)
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
	var top, st unix.Stat_t
	if err := unix.Lstat(j.From, &top); err != nil {
		return nil, fmt.Errorf("%s: %w", j.From, err)
	}
	var other []string
	for _, name := range []string{driver, filepath.Join(driver, "l"), "image", filepath.Dir(layerStore), "volumes"} {
		path := filepath.Join(j.From, name)
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

// sizeOf adds up the files of a tree, each once, as du(1) does. Links are not followed,
// and no mount is entered. unmapped are those with an owner that is not shifted.
func sizeOf(ctx context.Context, path string, shift Shift) (size Size, unmapped int64, err error) {
	top, err := openFolder(unix.AT_FDCWD, path)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return size, 0, fmt.Errorf("%s is not a folder", path)
	}
	if err != nil {
		return size, 0, fmt.Errorf("%s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(top.Fd()), &st); err != nil {
		return size, 0, errors.Join(err, top.Close())
	}
	s := sizer{ctx: ctx, shift: shift, device: st.Dev, links: map[uint64]bool{}}
	s.count(&st)
	if err := s.folder(top, 0); err != nil {
		return s.Size, s.unmapped, fmt.Errorf("%s: %w", path, err)
	}
	return s.Size, s.unmapped, nil
}

type sizer struct {
	Size
	ctx      context.Context
	shift    Shift
	unmapped int64
	device   uint64
	links    map[uint64]bool // files with several names that were counted
}

func (s *sizer) count(st *unix.Stat_t) {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		if s.links[st.Ino] {
			return
		}
		s.links[st.Ino] = true
	}
	s.add(Size{Bytes: st.Blocks * 512, Files: 1})
	if _, _, mapped := s.shift.Owner(st.Uid, st.Gid); !mapped {
		s.unmapped++
	}
}

func (s *sizer) folder(f *os.File, depth int) error {
	defer f.Close()
	if depth > MaxDepth {
		return errDepth
	}
	for s.ctx.Err() == nil {
		names, err := f.Readdirnames(1000)
		if errors.Is(err, io.EOF) || errors.Is(gone(err), errGone) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.entry(f, name, depth); err != nil {
				return err
			}
		}
	}
	return s.ctx.Err()
}

func (s *sizer) entry(f *os.File, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(gone(err), errGone) {
			return nil
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	if st.Dev != s.device {
		return fmt.Errorf("%s: %w", name, errMount)
	}
	s.count(&st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	sub, err := openFolder(int(f.Fd()), name)
	if errors.Is(gone(err), errGone) {
		return nil
	}
	if err == nil {
		err = s.folder(sub, depth+1)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}
