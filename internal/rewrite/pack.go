package rewrite

import (
	"io"
	"runtime"

	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

// formOf is how a layer is compressed when it is rewritten: as it was, but that bzip2 and
// xz become gzip, for which every engine and registry has a type.
func formOf(old unpack.Form) unpack.Form {
	if old == unpack.Bzip2 || old == unpack.XZ {
		return unpack.Gzip
	}
	return old
}

// pack compresses what is written to it in a form. The same bytes give the same blob on
// every machine. Nothing is complete before Close.
func pack(w io.Writer, form unpack.Form) (io.WriteCloser, error) {
	switch form {
	case unpack.Gzip:
		z := pgzip.NewWriter(w)
		// Each block is compressed separately, so their size decides on the result.
		return z, z.SetConcurrency(1<<20, runtime.GOMAXPROCS(0)+1)
	case unpack.Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(2))
	}
	return plain{w}, nil
}

// plain leaves it as it is.
type plain struct{ io.Writer }

// Close does nothing.
func (plain) Close() error { return nil }
