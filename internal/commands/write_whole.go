package commands

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeWhole replaces a file, or makes it: as a whole or not at all. Whoever else can write to
// the folder may put links there meanwhile, so nothing is done by a path that could be one.
func writeWhole(path string, data []byte, mode fs.FileMode) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	name := filepath.Base(path)
	if info, err := folder.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: remove it, or name another", path)
	}
	part := "." + name + "." + rand.Text()
	f, err := folder.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = folder.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, folder.Remove(part))
	}
	return nil
}
