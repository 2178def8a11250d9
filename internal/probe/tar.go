package probe

import (
	"archive/tar"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// tarOf is a compressed tar with the program in it.
func tarOf(ctx context.Context, program io.Reader, size int64) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		archive := tar.NewWriter(zip)
		err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: programDir[1:] + "/", Mode: 0o755})
		if err == nil {
			err = archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: programPath[1:], Mode: 0o755, Size: size})
		}
		if err == nil {
			_, err = io.Copy(archive, reading{ctx, program})
		}
		w.CloseWithError(errors.Join(err, archive.Close(), zip.Close()))
	}()
	return r
}

// reading ends with its context.
type reading struct {
	ctx context.Context
	io.Reader
}

func (r reading) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
