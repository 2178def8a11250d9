package tarwalk

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// entry is what tarwalk and archive/tar must agree on.
type entry struct {
	Name, Linkname string
	UID, GID, Size int64
	Type           byte
	Body           string // "" if it was not read
}

// walked is a whole walk. Refused says that it did not end in io.EOF. Which
// error it was is not compared: of several faults in one entry either reader
// may see another one first.
type walked struct {
	Entries []entry
	Refused bool
}

// bodies says which bodies a walk reads.
type bodies func(i int) bool

func allBodies(int) bool        { return true }
func noBodies(int) bool         { return false }
func everyOtherBody(i int) bool { return i%2 == 1 }

// walk walks with tarwalk.
func walk(src io.Reader, read bodies) (walked, error) {
	var w walked
	r := NewReader(src)
	for i := 0; ; i++ {
		h, err := r.Next()
		if err != nil {
			w.Refused = err != io.EOF
			if _, again := r.Next(); again != err {
				return w, fmt.Errorf("error is not kept: %w, then %w", err, again)
			}
			return w, err
		}
		e := entry{string(h.Name), string(h.Linkname), h.UID, h.GID, h.Size, h.Type, ""}
		if read(i) && !isSparse(r) {
			b, err := io.ReadAll(r)
			e.Body = string(b)
			if e.Name != string(h.Name) || e.Linkname != string(h.Linkname) {
				return w, fmt.Errorf("reading the body of %q spoilt its name: %q", e.Name, h.Name)
			}
			if err != nil {
				e.Body = ""
			}
		}
		w.Entries = append(w.Entries, e)
	}
}

// isSparse is asked for the bodies: archive/tar expands those of sparse files.
func isSparse(r *Reader) bool {
	for rest := r.pax.buf; r.pax.present && len(rest) > 0; {
		var key []byte
		key, _, rest, _ = cutRecord(rest)
		if bytes.HasPrefix(key, []byte("GNU.sparse.")) {
			return true
		}
	}
	return r.h.Type == tar.TypeGNUSparse
}

// walkStd walks with archive/tar.
func walkStd(data []byte, read bodies) walked {
	var w walked
	// Without Seek, which answers sizes near 2^63 with errors of its own.
	r := tar.NewReader(struct{ io.Reader }{bytes.NewReader(data)})
	for i := 0; ; i++ {
		h, err := r.Next()
		if err != nil {
			w.Refused = err != io.EOF
			return w
		}
		e := entry{h.Name, h.Linkname, int64(h.Uid), int64(h.Gid), h.Size, h.Typeflag, ""}
		if h.Typeflag == tar.TypeXGlobalHeader && h.PAXRecords == nil {
			e.Name = unsettled
		}
		if read(i) && !isSparseStd(h) {
			if b, err := io.ReadAll(r); err == nil {
				e.Body = string(b)
			}
		}
		w.Entries = append(w.Entries, e)
	}
}

// unsettled is the name of a PAX global header with a malformed record, which
// depends on the order in which archive/tar comes upon its records in a map.
const unsettled = "\x00unsettled"

func isSparseStd(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// settle takes what is unsettled in want from got.
func settle(want, got walked) walked {
	for i := range want.Entries {
		if want.Entries[i].Name == unsettled && i < len(got.Entries) {
			want.Entries[i].Name = got.Entries[i].Name
		}
	}
	return want
}

// sources are the ways in which an archive can come.
var sources = map[string]func([]byte) io.Reader{
	"stream":          func(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} },
	"stream, halting": func(b []byte) io.Reader { return iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(b))) },
	"section":         func(b []byte) io.Reader { return Section(bytes.NewReader(b), 0, int64(len(b))) },
	"part": func(b []byte) io.Reader {
		whole := append(append(make([]byte, 77), b...), 1, 2, 3)
		return Section(bytes.NewReader(whole), 77, int64(len(b)))
	},
	"nested, stream":  func(b []byte) io.Reader { return nested(struct{ io.Reader }{bytes.NewReader(nest(b))}) },
	"nested, section": func(b []byte) io.Reader { n := nest(b); return nested(Section(bytes.NewReader(n), 0, int64(len(n)))) },
}

// nest puts an archive into an archive.
func nest(b []byte) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	w.WriteHeader(&tar.Header{Name: "layer.tar", Size: int64(len(b)), Mode: 0o644})
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func nested(r io.Reader) io.Reader {
	outer := NewReader(r)
	if _, err := outer.Next(); err != nil {
		panic(err)
	}
	return outer
}

// readings are the ways in which a walk can treat bodies.
var readings = []bodies{noBodies, allBodies, everyOtherBody}

// agree holds tarwalk to archive/tar, however the archive comes and is read.
func agree(t *testing.T, data []byte) {
	t.Helper()
	for _, read := range readings {
		agreeReading(t, data, read)
	}
}

func agreeReading(t *testing.T, data []byte, read bodies) {
	t.Helper()
	want := walkStd(data, read)
	for source, open := range sources {
		got, err := walk(open(data), read)
		if diff := cmp.Diff(settle(want, got), got); diff != "" {
			t.Fatalf("%s: archive/tar and tarwalk (%v) differ: %s", source, err, diff)
		}
		var at *OffsetError
		if got.Refused && !errors.As(err, &at) {
			t.Fatalf("%s: error without an offset: %v", source, err)
		}
	}
}
