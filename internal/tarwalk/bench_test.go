package tarwalk

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"testing"
)

const benchEntries = 100_000

// manyFiles is an archive of many small files, as of node_modules.
func manyFiles(b *testing.B, format tar.Format, size int) []byte {
	b.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	body := make([]byte, size)
	for i := range benchEntries {
		h := &tar.Header{Name: fmt.Sprintf("app/node_modules/package-%d/lib/file-%d.js", i/50, i), Mode: 0o644, Uid: i % 3000, Size: int64(size), Format: format}
		if format == tar.FormatPAX {
			h.PAXRecords = map[string]string{"comment": "as with xattrs"}
		}
		if err := w.WriteHeader(h); err != nil {
			b.Fatal(err)
		}
		w.Write(body)
	}
	w.Close()
	return out.Bytes()
}

func BenchmarkNext(b *testing.B) {
	for _, bench := range []struct {
		name   string
		format tar.Format
		size   int
	}{{"ustar", tar.FormatUSTAR, 100}, {"gnu", tar.FormatGNU, 100}, {"pax", tar.FormatPAX, 100}, {"20 KB files", tar.FormatUSTAR, 20_000}} {
		data := manyFiles(b, bench.format, bench.size)
		b.Run(bench.name+"/section", func(b *testing.B) {
			benchmarkNext(b, func() io.Reader { return Section(bytes.NewReader(data), 0, int64(len(data))) })
		})
		b.Run(bench.name+"/stream", func(b *testing.B) {
			benchmarkNext(b, func() io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} })
		})
	}
}

func benchmarkNext(b *testing.B, open func() io.Reader) {
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(open())
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
}
