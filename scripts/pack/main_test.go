package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

var when = time.Unix(1700000000, 0).UTC()

// tree makes a folder, with the rights that a strict umask gives it.
func tree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "man"), 0o700))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "program"), []byte("#!"), 0o700))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "man", "program.1"), []byte(".TH"), 0o600))
	return dir
}

// Entries belong to root, have the given time and everybody's rights, and the bytes
// are the same each time.
func TestTar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	assert.NilError(t, archive(path, tree(t), when))
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(text))
	assert.NilError(t, err)
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		assert.NilError(t, err)
		got = append(got, fmt.Sprintf("%s %o %d:%d %s:%s %s", h.Name, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.UTC().Format(time.DateOnly)))
	}
	assert.DeepEqual(t, got, []string{
		"release/ 755 0:0 root:root 2023-11-14", "release/man/ 755 0:0 root:root 2023-11-14",
		"release/man/program.1 644 0:0 root:root 2023-11-14", "release/program 755 0:0 root:root 2023-11-14",
	})
	again := filepath.Join(t.TempDir(), "b.tar.gz")
	assert.NilError(t, archive(again, tree(t), when))
	same, err := os.ReadFile(again)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(text, same))
}

func TestZip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.zip")
	assert.NilError(t, archive(path, tree(t), when))
	z, err := zip.OpenReader(path)
	assert.NilError(t, err)
	defer z.Close()
	var got []string
	for _, f := range z.File {
		got = append(got, fmt.Sprintf("%s %s %s", f.Name, f.Mode(), f.Modified.UTC().Format(time.DateOnly)))
	}
	assert.DeepEqual(t, got, []string{
		"release/ drwxr-xr-x 2023-11-14", "release/man/ drwxr-xr-x 2023-11-14", "release/man/program.1 -rw-r--r-- 2023-11-14", "release/program -rwxr-xr-x 2023-11-14",
	})
}

func TestWhatCannotBePacked(t *testing.T) {
	dir := tree(t)
	assert.ErrorContains(t, archive(filepath.Join(t.TempDir(), "a.rar"), dir, when), "neither .tar.gz nor .zip")
	assert.NilError(t, os.Symlink("program", filepath.Join(dir, "link")))
	assert.ErrorContains(t, archive(filepath.Join(t.TempDir(), "a.zip"), dir, when), "link is no file and no folder")
	t.Setenv("SOURCE_DATE_EPOCH", "")
	assert.ErrorContains(t, run([]string{"archive", "a.zip", dir}), "reading SOURCE_DATE_EPOCH")
	assert.ErrorContains(t, run(nil), "usage: pack")
}

func TestGzipAndSums(t *testing.T) {
	dir := tree(t)
	page := filepath.Join(dir, "man", "program.1")
	assert.NilError(t, run([]string{"gzip", page}))
	text, err := os.ReadFile(page + ".gz")
	assert.NilError(t, err)
	_, err = os.Stat(page)
	assert.ErrorIs(t, err, os.ErrNotExist)
	for range 2 { // the second time, there is a SHA256SUMS
		assert.NilError(t, run([]string{"sums", filepath.Join(dir, "man")}))
		got, err := os.ReadFile(filepath.Join(dir, "man", "SHA256SUMS"))
		assert.NilError(t, err)
		assert.Equal(t, string(got), fmt.Sprintf("%x  program.1.gz\n", sha256.Sum256(text)))
	}
}
