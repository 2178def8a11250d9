package tarwalk

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/assert"
)

func TestOffsets(t *testing.T) {
	data := file('0', "a", "hello") + // 0, 512
		extended('x', "uid", "7") + file('L', "L", "long", gnu) + file('0', "b", "world") + // 1024 … 4096
		extended('g', "comment", "x") + // 4096
		oldSparse("s", 3, 90, pair(0, 3), true) + moreSparse("", false) + pad("old") + // 5120, 6144
		sparse1(9, "1\n0\n3\n", "new") // 6656, 8704
	type place struct {
		name         string
		offset, body int64
		content      string
	}
	want := []place{
		{"a", 0, 512, "hello"}, {"long", 1024, 3584, "world"}, {"PaxHeaders", 4096, 4608, ""},
		{"s", 5120, 6144, "old"}, {"real", 6656, 8704, "new"}, {"b", 9216, 9728, ""},
	}
	for source, open := range sources {
		t.Run(source, func(t *testing.T) {
			r := NewReader(open([]byte(data)))
			for _, w := range want {
				h, err := r.Next()
				assert.NilError(t, err)
				body, err := io.ReadAll(r)
				assert.NilError(t, err)
				assert.DeepEqual(t, place{string(h.Name), h.Offset, h.BodyOffset, string(bytes.TrimRight(body, "\x00"))}, w, cmp.AllowUnexported(place{}))
				assert.Equal(t, data[h.BodyOffset:][:len(body)], string(body))
			}
			_, err := r.Next()
			assert.Equal(t, err, io.EOF)
		})
	}
}

func TestErrorsSayWhere(t *testing.T) {
	first := file('0', "a", "hello")
	broken := errors.New("the line is dead")
	for _, test := range []struct {
		name   string
		src    io.Reader
		is     error
		offset int64
		says   string
	}{
		{"malformed", strings.NewReader(first + one(uid("zz"))), tar.ErrHeader, 1024,
			"reading the tar entry at byte 1024: malformed uid: archive/tar: invalid tar header"},
		{"not a tar", strings.NewReader(strings.Repeat("{}", 512)), tar.ErrHeader, 0,
			"reading the tar entry at byte 0: malformed checksum: archive/tar: invalid tar header"},
		{"cut in a header", strings.NewReader(first + one()[:9]), io.ErrUnexpectedEOF, 1024,
			"reading the tar entry at byte 1024: unexpected EOF"},
		{"cut in a body", strings.NewReader(first + file('0', "b", "hello")[:515]), io.ErrUnexpectedEOF, 1024,
			"reading the tar entry at byte 1024: unexpected EOF"},
		{"cut in a body, section", Section(strings.NewReader(first+file('0', "b", "hello")[:515]), 0, 1539), io.ErrUnexpectedEOF, 1024,
			"reading the tar entry at byte 1024: unexpected EOF"},
		{"in an extended header", strings.NewReader(first + extended('x', "uid", "1") + extended('x', "a\x00", "1")), tar.ErrHeader, 2048,
			"reading the tar entry at byte 2048: malformed PAX record: archive/tar: invalid tar header"},
		{"too long", strings.NewReader(head('L', "L", 1<<30)), tar.ErrFieldTooLong, 0,
			"reading the tar entry at byte 0: archive/tar: header field too long"},
		{"the reader underneath", io.MultiReader(strings.NewReader(first), iotest.ErrReader(broken)), broken, 1024,
			"reading the tar entry at byte 1024: the line is dead"},
		{"the reader underneath, in the padding", io.MultiReader(strings.NewReader(first[:600]), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF, 0,
			"reading the tar entry at byte 0: unexpected EOF"},
		{"a reader that does nothing", idle{}, io.ErrNoProgress, 0,
			"reading the tar entry at byte 0: multiple Read calls return no data or error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := walk(test.src, noBodies)
			var at *OffsetError
			assert.Assert(t, errors.As(err, &at))
			assert.Assert(t, errors.Is(err, test.is))
			assert.Equal(t, at.Offset, test.offset)
			assert.Error(t, err, test.says)
		})
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReadAndSkip(t *testing.T) {
	body := strings.Repeat("0123456789", 20_000)
	data := []byte(file('0', "a", body) + head('0', "b", 0) + end)
	for source, open := range sources {
		t.Run(source, func(t *testing.T) {
			r := NewReader(open(data))
			_, err := r.Read(make([]byte, 1))
			assert.Equal(t, err, io.EOF, "before the first entry")
			_, err = r.Next()
			assert.NilError(t, err)

			var p [10]byte
			var at int64
			for _, skip := range []int64{0, 7, 600, 40_000, 100_003} {
				assert.NilError(t, r.Skip(skip))
				_, err = io.ReadFull(r, p[:])
				assert.NilError(t, err)
				at += skip
				assert.Equal(t, string(p[:]), body[at:][:10], "after %d bytes", at)
				at += 10
			}
			assert.Equal(t, r.Skip(int64(len(body))-at+1), io.ErrUnexpectedEOF, "beyond the body")
			assert.Equal(t, r.Skip(-1), io.ErrUnexpectedEOF)
			assert.NilError(t, r.Skip(int64(len(body))-at))
			_, err = r.Read(p[:])
			assert.Equal(t, err, io.EOF)

			h, err := r.Next()
			assert.NilError(t, err)
			assert.Equal(t, string(h.Name), "b")
		})
	}
}

func TestReadsToACutBody(t *testing.T) {
	for _, open := range sources {
		data := []byte(file('0', "a", strings.Repeat("x", 100_000))[:70_000])
		r := NewReader(open(data))
		_, err := r.Next()
		assert.NilError(t, err)
		b, err := io.ReadAll(r)
		assert.Assert(t, errors.Is(err, io.ErrUnexpectedEOF))
		assert.Equal(t, len(b), 70_000-blockSize)
		_, again := r.Next()
		assert.Equal(t, again, err)
		assert.Equal(t, r.Skip(1), err)
	}
}

// An archive that is 200 layers of nothing but PAX headers, say, must cost no
// more memory than one header.
func TestAllocatesNothingForAnEntry(t *testing.T) {
	var data strings.Builder
	for range 1000 {
		data.WriteString(extended('x', "path", "some/name", "uid", "1516583083", "mtime", "1.5"))
		data.WriteString(file('0', "a", "hello"))
		data.WriteString(file('L', "L", "a/long/name", gnu) + head('0', "b", 0, gnu) + head('2', "c", 0, prefix("p"), link("b")))
	}
	src := strings.NewReader(data.String() + end)
	allocs := testing.AllocsPerRun(5, func() {
		r := NewReader(Section(src, 0, src.Size()))
		n := 0
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			n++
		}
		assert.Equal(t, n, 3000)
	})
	assert.Assert(t, allocs < 20, "%v allocations for 3000 entries", allocs)
}

func TestIsHeader(t *testing.T) {
	header := []byte(head('5', "blobs/", 0))
	spoilt := bytes.Clone(header)
	spoilt[0]++
	for _, test := range []struct {
		name string
		b    []byte
		want bool
	}{
		{"header", header, true},
		{"header and more", append(bytes.Clone(header), "more"...), true},
		{"GNU", []byte(head('0', "a", 0, gnu)), true},
		{"v7", []byte(head(0, "a", 0, v7)), true},
		{"signed checksum", []byte(signed(head('0', "\xff", 0))), true},
		{"spoilt", spoilt, false},
		{"short", header[:511], false},
		{"nothing", nil, false},
		{"zeros", make([]byte, 512), false},
		{"spaces", bytes.Repeat([]byte(" "), 512), false},
		{"JSON", bytes.Repeat([]byte(`{"schemaVersion":2}`), 30), false},
		{"gzip", append([]byte("\x1f\x8b\x08\x00"), make([]byte, 600)...), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, IsHeader(test.b), test.want)
		})
	}
}
