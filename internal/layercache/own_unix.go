//go:build unix

package layercache

import (
	"io/fs"
	"os"
	"syscall"
)

// own reports whether a file or folder belongs to who runs this.
func own(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// trusted reports whether nobody else can have written a file or into a folder.
func trusted(info fs.FileInfo) bool { return own(info) && info.Mode().Perm()&0o022 == 0 }
