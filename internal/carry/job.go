//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// A Job makes a twin of a data root with the storage driver overlay2: the same images
// and volumes, for an engine with another ID map. The old data root is only read.
//
// Prepare copies while the engine of the old data root runs, and may be called again
// after it was interrupted, or to have less to do later. Finish copies what changed
// since, and needs that engine to be stopped. The twin is complete after that.
type Job struct {
	// From is the data root of the engine, its own if it is remapped. To is the twin's,
	// on the same host, and not one that an engine has used.
	From string `json:"from"`
	To   string `json:"to"`
	// State is a folder of root's for what is remembered between calls.
	State string `json:"state"`
	// Map is that of the remapped engine. Back makes a twin for an engine without one.
	Map  idmap.Map `json:"map"`
	Back bool      `json:"back,omitempty"`
	// Images are the IDs of images, "sha256:…", all of whose layers the map can hold.
	Images []string `json:"images"`
	// Volumes are names of volumes of the driver local without a device.
	Volumes []string `json:"volumes"`

	// Workers is how many files are copied at a time.
	Workers  int       `json:"workers"`
	Progress *Progress `json:"-"`
}

const driver = "overlay2"

// Prepare makes the folders of the twin, and copies images and volumes.
func (j Job) Prepare(ctx context.Context) error {
	if err := j.valid(); err != nil {
		return err
	}
	if err := j.makeRoot(); err != nil {
		return fmt.Errorf("make the data root %s: %w", j.To, err)
	}
	if err := j.images(ctx); err != nil {
		return err
	}
	return j.volumes(ctx, true)
}

// Finish copies what changed in the volumes, and what an engine keeps open while it
// runs, and has all of it written to the disk.
func (j Job) Finish(ctx context.Context) error {
	if err := j.valid(); err != nil {
		return err
	}
	if err := j.volumes(ctx, false); err != nil {
		return err
	}
	if err := j.plain(ctx, "volumes/metadata.db"); err != nil {
		return err
	}
	f, err := os.Open(j.To)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("write %s to the disk: %w", j.To, err)
	}
	return nil
}

var (
	imageID    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // RestrictedNamePattern of moby's volume/local
)

func (j Job) valid() error {
	for _, path := range []string{j.From, j.To, j.State} {
		if !filepath.IsAbs(path) || filepath.Clean(path) != path {
			return fmt.Errorf("the path %q is not a clean absolute one", path)
		}
	}
	for _, id := range j.Images {
		if !imageID.MatchString(id) {
			return fmt.Errorf("%q is not the ID of an image", id)
		}
	}
	for _, name := range j.Volumes {
		if !volumeName.MatchString(name) {
			return fmt.Errorf("%q is not the name of a volume", name)
		}
	}
	return j.Map.Err()
}

func (j Job) options() Options {
	return Options{Shift: Shift{Map: j.Map, Back: j.Back}, Workers: j.Workers, Progress: j.Progress}
}

// group is the group that an engine gives its folders: that of its containers' root.
func (j Job) group() int {
	if j.Back {
		return 0
	}
	return int(j.Map.GID.Root())
}

// root gives the owner of a container's root.
func (j Job) root() (uid, gid int) {
	if j.Back {
		return 0, 0
	}
	return int(j.Map.UID.Root()), j.group()
}

// makeRoot makes the folders that every twin has, as the engine makes them: setupDaemonRoot and
// setupRemappedRoot of daemon_unix.go, Init of graphdriver/overlay2, New of volume/local,
// the same from 20.10 to 29.
func (j Job) makeRoot() error {
	return errors.Join(
		folderAt(j.To, 0o710, 0, j.group()),
		folderAt(filepath.Join(j.To, driver), 0o710, 0, j.group()),
		folderAt(filepath.Join(j.To, driver, "l"), 0o700, 0, 0),
		folderAt(filepath.Join(j.To, "volumes"), 0o701, 0, 0),
	)
}

// folderAt makes a folder of this owner and mode; those above it are root's alone.
func folderAt(path string, mode os.FileMode, uid, gid int) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return errors.Join(os.Lchown(path, uid, gid), os.Chmod(path, mode))
}

// makeAbove makes the folders above the engine's own file name, with their old modes.
func (j Job) makeAbove(name string) error {
	above := filepath.Dir(name)
	if _, err := os.Lstat(filepath.Join(j.To, above)); above == "." || err == nil {
		return nil
	}
	info, err := os.Lstat(filepath.Join(j.From, above))
	if err != nil {
		return err
	}
	if err := j.makeAbove(above); err != nil {
		return err
	}
	return folderAt(filepath.Join(j.To, above), info.Mode().Perm(), 0, 0)
}

// plain copies one file or folder of the engine's own, with the owners that it has. One
// that is missing is left out.
func (j Job) plain(ctx context.Context, name string) error {
	from, to := filepath.Join(j.From, name), filepath.Join(j.To, name)
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := j.makeAbove(name); err != nil {
		return err
	}
	if info.IsDir() {
		return Tree(ctx, from, to, Options{})
	}
	data, err := os.ReadFile(from)
	if err == nil {
		err = writeFile(to, data, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return nil
}

// writeFile writes a whole file or none.
func writeFile(path string, data []byte, mode os.FileMode) error {
	part := path + ".part"
	if err := os.WriteFile(part, data, mode); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, path)
}
