package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// recordOf makes the record that an engine makes of a layer, with the code that
// it uses.
func recordOf(t testing.TB, layer []byte) []byte {
	t.Helper()
	var record bytes.Buffer
	w := gzip.NewWriter(&record)
	in, err := asm.NewInputTarStream(bytes.NewReader(layer), storage.NewJSONPacker(w), nil)
	assert.NilError(t, err)
	_, err = io.Copy(io.Discard, in)
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
	return record.Bytes()
}

func unzip(t testing.TB, record []byte) io.Reader {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(record))
	assert.NilError(t, err)
	return r
}

func TestARecordWalksLikeItsLayer(t *testing.T) {
	for _, layers := range oddLayers(t, false) {
		for _, l := range layers {
			want, got := newScribe(), newScribe()
			assert.NilError(t, want.Layer(t.Context(), "", tarwalk.NewReader(strings.NewReader(l))))
			s := newSplitReader(t.Context(), unzip(t, recordOf(t, []byte(l))), bodiesOf(t, l))
			assert.NilError(t, got.Layer(t.Context(), "", tarwalk.NewReader(s)))
			assert.DeepEqual(t, got.said, want.said)
		}
	}
}

// bodiesOf are the account files of a layer.
func bodiesOf(t testing.TB, layer string) map[string][]byte {
	t.Helper()
	bodies := map[string][]byte{}
	r := tar.NewReader(strings.NewReader(layer))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return bodies
		}
		assert.NilError(t, err)
		b, err := io.ReadAll(r)
		assert.NilError(t, err)
		bodies[strings.TrimPrefix(h.Name, "./")] = b
	}
}

func TestABodyIsOnlyTakenIfItIsTheOneRecorded(t *testing.T) {
	l := tarWith(t, tar.Header{Name: "etc/passwd", Size: 22})
	good := bodiesOf(t, string(l))["etc/passwd"]
	for name, bodies := range map[string]map[string][]byte{
		"none":    nil,
		"other":   {"etc/group": good},
		"longer":  {"etc/passwd": append(bytes.Clone(good), 'x')},
		"changed": {"etc/passwd": append([]byte("R"), good[1:]...)},
	} {
		s := newSplitReader(t.Context(), unzip(t, recordOf(t, l)), bodies)
		err := newScribe().Layer(t.Context(), "", tarwalk.NewReader(s))
		assert.ErrorIs(t, err, errNoBody, name)
	}
}

func TestBadRecords(t *testing.T) {
	header := string(tarWith(t, tar.Header{Name: "f", Size: 10, Typeflag: tar.TypeReg})[:512])
	segment := func(s string) string {
		return toJSON(storage.Entry{Type: storage.SegmentType, Payload: []byte(s)}) + "\n"
	}
	hole := func(n int64) string {
		return toJSON(storage.Entry{Type: storage.FileType, Name: "f", Size: n, Payload: make([]byte, 8)}) + "\n"
	}
	end := segment(strings.Repeat("\x00", 502+1024))
	for name, c := range map[string]struct{ lines, want string }{
		"good":            {segment(header) + hole(10) + end, ""},
		"hole too large":  {segment(header) + hole(11) + end, errShape.Error()},
		"hole too small":  {segment(header) + hole(9) + end, "unexpected EOF"},
		"huge hole":       {segment(header) + hole(1<<62) + end, errShape.Error()},
		"two holes":       {segment(header) + hole(4) + hole(6) + end, errShape.Error()},
		"no hole":         {segment(header) + segment(strings.Repeat("x", 4096)) + end, "checksum"},
		"negative":        {segment(header) + hole(-1) + end, errLine.Error()},
		"kind":            {`{"type":3,"payload":null,"position":0}`, errLine.Error()},
		"no JSON":         {segment(header) + "{]\n", "is not JSON"},
		"cut in a line":   {segment(header)[:100], "is not JSON"},
		"cut in a header": {segment(header[:100]), "unexpected EOF"},
		"cut in a body":   {segment(header), "unexpected EOF"},
		"endless line":    {strings.Repeat("x", maxLine+1), errLongLine.Error()},
		"body in segment": {segment(header) + segment("0123456789") + end, ""},
	} {
		s := newSplitReader(t.Context(), strings.NewReader(c.lines), nil)
		_, err := readHeaders(tarwalk.NewReader(s))
		if c.want == "" {
			assert.Check(t, err, name)
			continue
		}
		assert.Check(t, err != nil && strings.Contains(err.Error(), c.want), "%s: %v", name, err)
	}
}

func TestARecordStopsWhenItIsToldTo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newSplitReader(ctx, unzip(t, recordOf(t, tarWith(t, tar.Header{Name: "f"}))), nil)
	_, err := readHeaders(tarwalk.NewReader(s))
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
}

// FuzzSplitLine compares the hand-made parser with encoding/json, which reads
// the same fields: a line's position is never used, whatever it is.
func FuzzSplitLine(f *testing.F) {
	for _, seed := range []string{
		`{"type":2,"payload":"AAAA","position":0}`, `{"type":2,"payload":"AA==","position":12}`, `{"type":2,"payload":null,"position":0}`,
		`{"type":1,"name":"bin/","payload":null,"position":1}`, `{"type":1,"name":"f","size":3,"payload":"AAAAAAAAAAA=","position":3}`,
		`{"type":1,"name":"\u003cé\"","size":3,"payload":"AAAAAAAAAAA=","position":3}`, `{"type":1,"name_raw":"/w==","payload":null,"position":3}`,
		`{"position":1,"size":5,"name":"x","type":1}`, `{"type":1,"name":"x","size":01,"payload":null,"position":1}`,
		`{"type":2,"payload":"A\r\nAAA","position":0}`, "{\"type\":2,\"payload\":\"A\rAAA\",\"position\":0}", `{"type":2,"payload":"A===","position":0}`,
		`{"type":1,"name":"x","size":-1,"payload":"","position":1}`, `{"type":1,"name":"x","size":9223372036854775808,"payload":null,"position":1}`,
		`{"type":2,"payload":"` + strings.Repeat("A", 64) + strings.Repeat("QUJD", 9) + strings.Repeat("A", 70) + `==","position":0}`,
		`{"type":2,"payload":"` + strings.Repeat("A", 32) + "AA==" + strings.Repeat("A", 32) + `","position":0}`,
		`{"type":2,"payload":"` + strings.Repeat("QUJD", 8) + strings.Repeat("A", 32) + `","position":0}`,
		`{"type":2,"payload":"AAAA","position":2.220}`, `{"type":1,"name":"f","position":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var got splitLine
		_, err := got.parse(line, nil)
		var want struct {
			storage.Entry
			Position any `json:"position"` // hides the one of the entry
		}
		wantErr := json.Unmarshal(line, &want)
		if err == nil {
			err = got.check()
		}
		if wantErr == nil && (want.Type != fileType && want.Type != segmentType || want.Size < 0) {
			wantErr = errLine
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", line, err, wantErr)
		}
		if err != nil {
			return
		}
		a := fmt.Sprintf("%d %q %d %x", got.kind, got.name, got.size, got.payload)
		b := fmt.Sprintf("%d %q %d %x", want.Type, want.GetName(), want.Size, want.Payload)
		if a != b {
			t.Fatal(cmp.Diff(b, a))
		}
	})
}

// BenchmarkRecord walks the record of 100,000 files: bytes are those of its
// lines.
func BenchmarkRecord(b *testing.B) {
	var entries []tar.Header
	for i := range 100_000 {
		entries = append(entries, tar.Header{Name: fmt.Sprintf("usr/share/module-%d/dist/file-%d.js", i/50, i), Mode: 0o644, Size: int64(i%7) * 100, Uid: i % 1000})
	}
	record := recordOf(b, tarWith(b, entries...))
	size, err := io.Copy(io.Discard, unzip(b, record))
	assert.NilError(b, err)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r := tarwalk.NewReader(newSplitReader(b.Context(), unzip(b, record), nil))
		n := 0
		for ; ; n++ {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		if n != len(entries) {
			b.Fatal(n)
		}
	}
}
