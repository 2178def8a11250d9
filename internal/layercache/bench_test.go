package layercache

import (
	"archive/tar"
	"fmt"
	"io"
	"testing"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// many are n headers in folders of 20.
type many struct {
	n, at int
	h     tarwalk.Header
}

func (m *many) Next() (*tarwalk.Header, error) {
	if m.at == m.n {
		return nil, io.EOF
	}
	m.at++
	m.h.Name = fmt.Appendf(m.h.Name[:0], "usr/lib/node_modules/package-%d/dist/file-%d.js", m.at/20, m.at)
	m.h.Type, m.h.Size = tar.TypeReg, int64(m.at*7919%100000)
	return &m.h, nil
}

func (m *many) Read([]byte) (int, error) { return 0, io.EOF }

func readAll(h tarwalk.Headers) error {
	for {
		if _, err := h.Next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	c, err := Open(b.TempDir(), Size)
	if err != nil {
		b.Fatal(err)
	}
	r := c.Record()
	h := r.Tape(&many{n: b.N})
	b.ReportAllocs()
	for range b.N + 1 {
		h.Next()
	}
	r.Keep("a")
}

func BenchmarkSource(b *testing.B) { readAll(&many{n: b.N}) }

func BenchmarkReplay(b *testing.B) {
	c, err := Open(b.TempDir(), Size)
	if err != nil {
		b.Fatal(err)
	}
	r := c.Record()
	readAll(r.Tape(&many{n: b.N}))
	r.Keep("a")
	b.ResetTimer()
	if !c.Layer("a", readAll) {
		b.Fatal("not kept")
	}
}
