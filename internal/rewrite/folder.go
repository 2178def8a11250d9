package rewrite

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/distribution/reference"
)

// OCIFolder is an OCI layout in a folder. It must not be there yet.
func OCIFolder(path string, name reference.NamedTagged) (Destination, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, dir: dir}
	l := &layout{files: f, name: name}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// folder is written next to its place, which it takes when it is whole.
type folder struct{ path, dir string }

func (d *folder) blob(_ context.Context, known Blob, r io.Reader) (Blob, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, "blob"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return Blob{}, err
	}
	defer f.Close()
	s := sum(r)
	if _, err := io.Copy(f, s); err != nil {
		return Blob{}, err
	}
	b, err := s.blob(known)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return Blob{}, err
	}
	return b, os.Rename(f.Name(), filepath.Join(d.dir, filepath.FromSlash(place(b.Digest))))
}

func (d *folder) file(name string, body []byte) error {
	return os.WriteFile(filepath.Join(d.dir, name), body, 0o644)
}

func (d *folder) commit(context.Context) error {
	if err := vacant(d.path); err != nil {
		return err
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		return err
	}
	if err := os.Rename(d.dir, d.path); err != nil {
		return err
	}
	d.dir = ""
	return nil
}

func (d *folder) discard() error {
	if d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}
