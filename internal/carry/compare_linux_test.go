package carry_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// owners change an owner for a comparison.
type owners func(uid, gid uint32) (uint32, uint32)

func same(uid, gid uint32) (uint32, uint32) { return uid, gid }

// tree describes all files below root, with what a copy has to keep: a line for each
// file, by path. Files of several names have the first of these in their line.
func tree(t *testing.T, root string, owner owners) map[string]string {
	t.Helper()
	lines, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		uid, gid := owner(st.Uid, st.Gid)
		line := fmt.Sprintf("%o %d:%d %d.%09d", st.Mode, uid, gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d bytes %x", len(content), sha256.Sum256(content))
			if st.Nlink > 1 {
				if first[st.Ino] == "" {
					first[st.Ino] = name
				}
				line += " linked to " + first[st.Ino]
			}
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		case unix.S_IFBLK, unix.S_IFCHR:
			line += fmt.Sprintf(" device %d", st.Rdev)
		}
		lines[name] = line + attributesOf(t, path)
		return nil
	})
	assert.NilError(t, err)
	return lines
}

func attributesOf(t *testing.T, path string) string {
	t.Helper()
	b := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, b)
	assert.NilError(t, err)
	names := strings.FieldsFunc(string(b[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	said := ""
	for _, name := range names {
		n, err := unix.Lgetxattr(path, name, b)
		assert.NilError(t, err)
		said += fmt.Sprintf(" %s=%x", name, b[:n])
	}
	return said
}

// equal compares two descriptions with each other.
func equal(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, path := range slices.Sorted(keys(got, want)) {
		if got[path] != want[path] {
			t.Errorf("%s\n  is   %s\n  want %s", path, got[path], want[path])
		}
	}
}

func keys(of ...map[string]string) func(func(string) bool) {
	all := map[string]bool{}
	for _, m := range of {
		for k := range m {
			all[k] = true
		}
	}
	return func(yield func(string) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}
