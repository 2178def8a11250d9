package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// entry is a file or folder of an archive.
type entry struct {
	name string // with slashes, and one at the end of a folder
	mode fs.FileMode
	body []byte
}

// archive writes a folder with all that is in it, as .tar.gz or .zip.
func archive(output, dir string, when time.Time) error {
	entries, err := entriesOf(dir)
	if err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(output, ".tar.gz"):
		return create(output, func(w io.Writer) error { return writeTar(w, entries, when) })
	case strings.HasSuffix(output, ".zip"):
		return create(output, func(w io.Writer) error { return writeZip(w, entries, when) })
	}
	return fmt.Errorf("%s is neither .tar.gz nor .zip", output)
}

// entriesOf reads a folder, in the order of names. What the owner may execute is
// everybody's to execute, and everything is everybody's to read.
func entriesOf(dir string) ([]entry, error) {
	var all []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			return err
		}
		e := entry{name: filepath.ToSlash(name), mode: 0o644}
		switch {
		case d.IsDir():
			e.name, e.mode = e.name+"/", fs.ModeDir|0o755
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is no file and no folder", path)
		default:
			if info.Mode()&0o100 != 0 {
				e.mode = 0o755
			}
			if e.body, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

func writeTar(w io.Writer, entries []entry, when time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.body)), ModTime: when, Uname: "root", Gname: "root", Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if e.mode.IsDir() {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(e.body); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeZip(w io.Writer, entries []entry, when time.Time) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: when}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(e.body); err != nil {
			return err
		}
	}
	return z.Close()
}
