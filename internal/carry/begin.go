//go:build linux

package carry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"
)

// notes is the folder of a twin with what is remembered of making it. An engine ignores
// it. A twin without it was not made here, and is not touched.
const notes = ".docker-userns"

// noted is the job of a twin. What was copied before the last boot is not trusted: after
// a loss of power it may be missing.
type noted struct {
	Job
	Boot string `json:"boot"`
}

func (j Job) noted() (noted, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return noted{Job: j, Boot: strings.TrimSpace(string(boot))}, err
}

// lock keeps others from working on a twin of the same data root. Close gives it up.
func (j Job) lock() (*os.File, error) {
	root, err := openFolder(unix.AT_FDCWD, j.From)
	if err != nil {
		return nil, fmt.Errorf("open the data root %s: %w", j.From, err)
	}
	err = unix.Flock(int(root.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errors.New("it is being copied already; wait until that is done, or end it")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data root %s: %w", j.From, err), root.Close())
	}
	return root, nil
}

// begin makes the folders of a twin, or goes on with the one that an earlier attempt at
// the same job has left. That of another job is removed.
func (t twin) begin() error {
	if err := ownFolder(filepath.Dir(t.To)); err != nil {
		return err
	}
	now, err := t.noted()
	if err != nil {
		return err
	}
	earlier, err := t.earlier()
	if err != nil {
		return err
	}
	if earlier != nil && (earlier.From != t.From || earlier.Back != t.Back || earlier.Boot != now.Boot || !reflect.DeepEqual(earlier.Map, t.Map)) {
		if err := os.RemoveAll(t.To); err != nil {
			return err
		}
	} else if earlier != nil {
		if err := t.removeReowned(earlier.Job); err != nil {
			return err
		}
	}
	if err := errors.Join(t.makeRoot(), folderAt(filepath.Join(t.To, notes), 0o700, 0, 0)); err != nil {
		return err
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(t.To, notes, "job.json"), data, 0o600)
}

// earlier is the job of the twin that is there, nil if there is none, or an empty folder.
func (t twin) earlier() (*noted, error) {
	entries, err := os.ReadDir(t.To)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := readNoted(t.To)
	if err != nil {
		return nil, fmt.Errorf("it exists, and was not made by this program: find out whose it is, and move it away: %w", err)
	}
	return &n, nil
}

// prepared is the job of a twin.
func prepared(to string) (Job, error) {
	n, err := readNoted(to)
	if err != nil {
		return Job{}, fmt.Errorf("the copy %s: %w", to, err)
	}
	now, err := n.noted()
	switch {
	case err != nil:
		return Job{}, err
	case n.To != to:
		return Job{}, fmt.Errorf("the copy %s was made at %s", to, n.To)
	case n.Boot != now.Boot:
		return Job{}, fmt.Errorf("the copy %s was made before the host was booted, and may not be whole", to)
	}
	return n.Job, n.valid()
}

func readNoted(to string) (n noted, err error) {
	folder := filepath.Join(to, notes)
	if err := ownFolder(folder); err != nil {
		return n, err
	}
	data, err := os.ReadFile(filepath.Join(folder, "job.json"))
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(data, &n)
}

// ownFolder refuses a folder that anybody except root could change.
func ownFolder(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != 0 || st.Mode&0o022 != 0 {
		return fmt.Errorf("%s is not a folder that only root can write to", path)
	}
	return nil
}

// place moves a complete twin to its place.
func (j Job) place() error {
	if err := ownFolder(filepath.Dir(j.Place)); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(j.To, notes, "complete"), nil, 0o600); err != nil {
		return err
	}
	if err := syncFileSystem(j.To); err != nil {
		return err
	}
	if j.merges() {
		return j.swap()
	}
	if err := unix.Rmdir(j.Place); err != nil && !errors.Is(err, fs.ErrNotExist) { // only if it is empty
		return fmt.Errorf("make room for the copy: %w", err)
	}
	if err := unix.Renameat2(unix.AT_FDCWD, j.To, unix.AT_FDCWD, j.Place, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("move %s to %s: %w", j.To, j.Place, err)
	}
	return syncFileSystem(j.Place)
}

func syncFileSystem(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("write %s to the disk: %w", path, err)
	}
	return nil
}
