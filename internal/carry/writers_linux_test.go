package carry_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// Programs that never pause change files in every way while they are copied, again and
// again. After they have stopped, one more copy makes the two equal, though it copies
// only what changed.
func TestWriters(t *testing.T) {
	from, to := everything(t), target(t)
	memory := filepath.Join(t.TempDir(), "seen")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- write(from, stop) }()
	for range 8 {
		copyWith(t, from, to, memory)
	}
	close(stop)
	assert.NilError(t, <-done)
	progress := copyWith(t, from, to, memory)
	equal(t, tree(t, to, same), want(t, from))
	assert.Assert(t, progress.Unchanged.Load() > 500, "%d", progress.Unchanged.Load())
}

// write changes files below dir until it is stopped.
func write(dir string, stop chan struct{}) error {
	mapped, unmap, err := sharedMap(filepath.Join(dir, "mapped"))
	if err != nil {
		return err
	}
	defer unmap()
	at := func(n int) string { return filepath.Join(dir, "many", fmt.Sprint("w", n%7)) }
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		mapped[rand.IntN(len(mapped))]++ // a page that may be dirty already
		var err error
		switch i % 8 {
		case 0:
			err = appendTo(filepath.Join(dir, "plain/large"))
		case 1:
			err = inPlace(filepath.Join(dir, "plain/large"))
		case 2:
			err = renameOver(filepath.Join(dir, "plain/file"))
		case 3:
			err = withOldTimes(filepath.Join(dir, "a"))
		case 4:
			_ = os.Remove(at(i + 3))
			err = os.Link(filepath.Join(dir, "setuid"), at(i+3))
		case 5:
			err = os.RemoveAll(at(i))
		case 6:
			err = os.MkdirAll(filepath.Join(dir, fmt.Sprint("folders/", i%5, "/", i%3)), 0o755)
		case 7:
			err = os.RemoveAll(filepath.Join(dir, fmt.Sprint("folders/", i%5)))
		}
		if err != nil {
			return err
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func sharedMap(path string) ([]byte, func(), error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := f.Truncate(1 << 20); err != nil {
		return nil, nil, err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return m, func() { _ = unix.Munmap(m) }, err
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("more")
	return err
}

func inPlace(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(time.Now().String()), rand.Int64N(1<<19))
	return err
}

func renameOver(path string) error {
	if err := os.WriteFile(path+".new", []byte(time.Now().String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// withOldTimes changes the content, but neither size nor time of it.
func withOldTimes(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%08d", rand.IntN(1e8)), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}
