package layercache

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// identity tells a file from all others of this machine, and when it was changed last, which
// nobody can set.
func identity(info fs.FileInfo) (string, time.Time) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", time.Time{}
	}
	return fmt.Sprintf("%d:%d", s.Dev, s.Ino), time.Unix(s.Ctim.Unix())
}
