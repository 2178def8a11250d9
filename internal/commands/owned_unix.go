//go:build unix

package commands

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ownedBySelf refuses root a path that belongs to another user, who could swap it for
// a link while it is written. A missing path is fine.
func ownedBySelf(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 {
		return fmt.Errorf("%s belongs to UID %d: run this command as that user", path, s.Uid)
	}
	return nil
}
