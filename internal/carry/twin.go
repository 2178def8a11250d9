//go:build linux

package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const driver = "overlay2"

// networks is where libnetwork has all networks, see controller.initStores of moby's
// libnetwork: open while the daemon runs.
const networks = "network/files/local-kv.db"

// A twin is being made: a job, and how it goes on.
type twin struct {
	Job
	progress *Progress
	workers  int
	at       func(what string) // is told what is copied now; may be nil
	link     bool              // makes links to files instead of copies
}

// Prepare makes the folders of the twin, and copies images, volumes and containers. workers is how
// many files are copied at a time. at is told what is copied, and may be nil.
func (j Job) Prepare(ctx context.Context, workers int, progress *Progress, at func(what string)) error {
	if err := j.valid(); err != nil {
		return err
	}
	lock, err := j.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	t := twin{Job: j, progress: progress, workers: workers, at: at}
	if err := t.begin(); err != nil {
		return fmt.Errorf("make %s: %w", j.To, err)
	}
	if err := t.copy(ctx, true); err != nil {
		return err
	}
	return t.reserve()
}

// reserved is how much of the disk is set aside, in bytes, so that the old engine and its
// containers can start if the disk is full in the middle of the last pass.
const reserved = 256 << 20

// reserve sets it aside. The way back frees it first: roll_back of remap/change/4-undo.sh.
func (t twin) reserve() error {
	f, err := os.OpenFile(filepath.Join(t.To, notes, "reserve"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, reserved); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("set aside %d MiB of the disk for the way back: %w", reserved>>20, err)
	}
	return nil
}

// Finish copies what changed in the volumes, and what an engine keeps open while it
// runs, has all of it written to the disk, and moves the twin to its place, where there
// may be an empty folder. The job is the one that was prepared at to.
func Finish(ctx context.Context, to string, workers int) (Result, error) {
	j, err := prepared(to)
	if err != nil {
		return Result{}, err
	}
	lock, err := j.lock()
	if err != nil {
		return Result{}, err
	}
	defer lock.Close()
	t := twin{Job: j, progress: &Progress{}, workers: workers}
	if err := t.copy(ctx, false); err != nil {
		return Result{}, err
	}
	if err := t.plain(ctx, "volumes/metadata.db"); err != nil {
		return Result{}, err
	}
	if err := t.keepVolumeMetadata(); err != nil {
		return Result{}, err
	}
	if j.Networks {
		if err := t.plain(ctx, networks); err != nil {
			return Result{}, err
		}
	}
	r, err := t.result()
	if err != nil {
		return r, err
	}
	if err := removeFile(filepath.Join(to, notes, "reserve")); err != nil {
		return r, err
	}
	return r, j.place()
}

// copy copies the images, volumes and containers that are there, and removes from the twin what an
// earlier copy has of others.
func (t twin) copy(ctx context.Context, live bool) error {
	present, err := t.present()
	if err != nil {
		return err
	}
	t.Job = present
	if err := t.prune(); err != nil {
		return err
	}
	if err := t.images(ctx); err != nil {
		return err
	}
	if live { // nobody uses what is kept, so it does not change
		if err := t.keep(ctx); err != nil {
			return err
		}
	}
	return errors.Join(t.volumes(ctx, live), t.containers(ctx, live))
}

// tell says what is copied now.
func (t twin) tell(what string) {
	if t.at != nil {
		t.at(what)
	}
}

func (t twin) options() Options {
	return Options{Shift: t.shift(), Link: t.link, Workers: t.workers, Progress: t.progress}
}

func (j Job) shift() Shift { return Shift{Map: j.Map, Back: j.Back} }

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
	err := errors.Join(folderAt(j.To, 0o710, 0, j.group()), folderAt(filepath.Join(j.To, "volumes"), 0o701, 0, 0))
	if len(j.Images)+len(j.Kept.Images)+len(j.Kept.Containers) == 0 { // the engine may have another storage driver
		return err
	}
	return errors.Join(err, folderAt(filepath.Join(j.To, driver), 0o710, 0, j.group()), folderAt(filepath.Join(j.To, driver, "l"), 0o700, 0, 0))
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
func (t twin) plain(ctx context.Context, name string) error {
	from, to := filepath.Join(t.From, name), filepath.Join(t.To, name)
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.makeAbove(name); err != nil {
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

// writeFile writes a whole file or none, with this mode whatever the umask is.
func writeFile(path string, data []byte, mode os.FileMode) error {
	part := path + ".part"
	if err := errors.Join(os.WriteFile(part, data, 0o600), os.Chmod(part, mode)); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, path)
}
