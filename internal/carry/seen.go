//go:build linux

package carry

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A key stands for one file at one path in one state. Two states that differ in what
// stat(2) tells, the time of the last change of status among it, have different keys.
// Nobody can set that time, as they can the time of the last change of the content.
type key [16]byte

// keyOf gives the key of the state st of name in the folder that parent stands for.
func keyOf(parent key, name string, st *unix.Stat_t) key {
	b := make([]byte, 0, 16+len(name)+1+10*8)
	b = append(append(append(b, parent[:]...), name...), 0)
	for _, n := range []uint64{
		st.Ino, uint64(st.Mode), uint64(st.Uid), uint64(st.Gid), uint64(st.Nlink), st.Rdev, uint64(st.Size), //nolint:unconvert // Nlink is narrower on arm64
		uint64(st.Mtim.Nano()), uint64(st.Ctim.Nano()),
	} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(b)
	return key(sum[:16])
}

// keyOfCopy stands for a state and the very copy that was made of it: one that was replaced
// since, or removed and made again, is another one.
func keyOfCopy(state key, copied *unix.Stat_t) key {
	b := append(make([]byte, 0, 32), state[:]...)
	b = binary.LittleEndian.AppendUint64(b, copied.Ino)
	b = binary.LittleEndian.AppendUint64(b, uint64(copied.Ctim.Nano()))
	sum := sha256.Sum256(b)
	return key(sum[:16])
}

// below gives what stands for the folder name in parent, whatever its state.
func below(parent key, name string) key {
	sum := sha256.Sum256(append(append(make([]byte, 0, 16+len(name)), parent[:]...), name...))
	return key(sum[:16])
}

// Seen remembers which files were copied, and in which state, so that the next copy of
// the same tree leaves out what did not change. It takes 16 bytes for each file. It is
// kept in a file, for a copy that goes on after it was interrupted.
type Seen struct {
	before []key // sorted

	mu   sync.Mutex
	file *os.File
	w    *bufio.Writer
	err  error
}

// seenHeader begins the file. The copies of another boot are not trusted: after a loss
// of power their content may be missing.
func seenHeader() ([]byte, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return append([]byte("docker-userns seen 2 "), boot...), err
}

// OpenSeen opens the memory in the file path, or makes it. A file that is damaged, or
// was written before this boot, counts as empty.
func OpenSeen(path string) (*Seen, error) {
	header, err := seenHeader()
	if err != nil {
		return nil, fmt.Errorf("remember what was copied: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("remember what was copied: %w", err)
	}
	s := &Seen{file: file, w: bufio.NewWriterSize(file, 64<<10)}
	if err := s.read(header); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("remember what was copied: %w", err)
	}
	return s, nil
}

// read reads all whole keys, and puts the file at their end.
func (s *Seen) read(header []byte) error {
	r := bufio.NewReaderSize(s.file, 64<<10)
	found := make([]byte, len(header))
	if _, err := io.ReadFull(r, found); err != nil || !bytes.Equal(found, header) {
		if err := s.file.Truncate(0); err != nil {
			return err
		}
		_, err := s.file.WriteAt(header, 0)
		return errors.Join(err, s.seek(int64(len(header))))
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.before = make([]key, 0, (info.Size()-int64(len(header)))/int64(len(key{})))
	for {
		var k key
		if _, err := io.ReadFull(r, k[:]); err != nil {
			break // the end, or a key that was cut off
		}
		s.before = append(s.before, k)
	}
	end := int64(len(header)) + int64(len(s.before)*len(key{}))
	s.sort()
	return s.seek(end)
}

func (s *Seen) sort() {
	slices.SortFunc(s.before, func(a, b key) int { return bytes.Compare(a[:], b[:]) })
	s.before = slices.Compact(s.before)
}

func (s *Seen) seek(end int64) error {
	if err := s.file.Truncate(end); err != nil {
		return err
	}
	_, err := s.file.Seek(end, io.SeekStart)
	return err
}

// has reports whether an earlier copy recorded the key.
func (s *Seen) has(k key) bool {
	if s == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(s.before, k, func(a, b key) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// add records that the state is copied.
func (s *Seen) add(k key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.w.Write(k[:]); err != nil && s.err == nil {
		s.err = err
	}
}

// Close writes what is not yet written.
func (s *Seen) Close() error {
	if err := errors.Join(s.err, s.w.Flush(), s.file.Close()); err != nil {
		return fmt.Errorf("remember what was copied: %w", err)
	}
	return nil
}

// settled reports whether a change after the moment now would show in the state's time
// of change. The kernel's clock for it has ticks of some milliseconds, so a change in
// the tick of the last one may not.
func settled(st *unix.Stat_t, now time.Time) bool {
	return time.Unix(st.Ctim.Unix()).Before(now)
}

// tick is the current tick of the clock that the kernel stamps files with.
func tick() time.Time {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &t); err != nil {
		return time.Time{} // nothing is settled then
	}
	return time.Unix(t.Unix())
}
