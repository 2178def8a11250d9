package rewrite

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// DockerArchive is an archive for docker load. It must not be there yet. The name is nil
// for none.
func DockerArchive(path string, name reference.NamedTagged) (Destination, error) {
	f, err := newArchive(path)
	return &layout{files: f, docker: true, name: name}, err
}

// OCIArchive is an OCI layout packed with tar. It must not be there yet.
func OCIArchive(path string, name reference.NamedTagged) (Destination, error) {
	f, err := newArchive(path)
	return &layout{files: f, name: name}, err
}

// archive is a tar that is written to a file next to its place, which it takes when it is
// whole. The size and name of a blob, which are before it, are written after it.
type archive struct {
	path string
	f    *os.File
	at   int64 // where the next entry begins
	has  map[digest.Digest]bool
}

// vacant is an error if something is at a path.
func vacant(path string) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		return fmt.Errorf("%s exists already: remove it, or choose another name", path)
	}
	return err
}

func newArchive(path string) (*archive, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	return &archive{path: path, f: f, has: map[digest.Digest]bool{}}, nil
}

func (a *archive) blob(_ context.Context, known Blob, r io.Reader) (Blob, error) {
	start := a.at
	if _, err := a.f.Seek(start+headerSize, io.SeekStart); err != nil {
		return Blob{}, err
	}
	s := sum(r)
	w := bufio.NewWriterSize(a.f, 256<<10)
	if _, err := io.Copy(w, s); err != nil {
		return Blob{}, err
	}
	if err := w.Flush(); err != nil {
		return Blob{}, err
	}
	b, err := s.blob(known)
	if err != nil {
		return b, err
	}
	if a.has[b.Digest] {
		return b, a.f.Truncate(start)
	}
	a.has[b.Digest] = true
	return b, a.close(start, place(b.Digest), b.Size)
}

// close writes the header of an entry whose body was written, and moves on to the next one.
func (a *archive) close(start int64, name string, size int64) error {
	h, err := header(name, size)
	if err != nil {
		return err
	}
	if _, err := a.f.WriteAt(h, start); err != nil {
		return err
	}
	a.at = start + headerSize + size + -size&(headerSize-1)
	return nil
}

func (a *archive) file(name string, body []byte) error {
	if _, err := a.f.WriteAt(body, a.at+headerSize); err != nil {
		return err
	}
	return a.close(a.at, name, int64(len(body)))
}

// commit ends the archive, and gives it its name.
func (a *archive) commit(context.Context) error {
	if err := a.f.Truncate(a.at + 2*headerSize); err != nil { // with zeros
		return err
	}
	if err := a.f.Sync(); err != nil {
		return err
	}
	if err := a.f.Close(); err != nil {
		return err
	}
	if err := vacant(a.path); err != nil {
		return err
	}
	if err := os.Rename(a.f.Name(), a.path); err != nil {
		return err
	}
	a.f = nil
	return nil
}

func (a *archive) discard() error {
	if a.f == nil {
		return nil
	}
	_ = a.f.Close()
	return os.Remove(a.f.Name())
}

const headerSize = 512

// header is the header block of a file. GNU's format has room for any size.
func header(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, Format: tar.FormatGNU})
	return b.Bytes(), err
}
