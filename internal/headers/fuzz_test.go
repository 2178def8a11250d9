package headers

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

// FuzzServe takes anything for a blob: what is seen of it from afar is what is seen here.
func FuzzServe(f *testing.F) {
	for _, b := range [][]byte{sample(4), gzipped(sample(4)), zstded(sample(4)), sample(4)[:3000], nil} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		text, want := here(t, b)
		dir, digests := blobsIn(t, b)
		var answer bytes.Buffer
		assert.NilError(t, Serve(t.Context(), dir, digests, &answer))
		texts, results, err := sent(t, &answer, digests)
		assert.NilError(t, err)
		got := results[0]
		if texts[0] != text || (got.Err == nil) != (want.Err == nil) || got.Sum != want.Sum || got.Form != want.Form {
			t.Errorf("from afar: %s %v\nhere: %s %v", texts[0], got, text, want)
		}
	})
}

// FuzzReceive takes anything for the events of an answer: what is no error has the digest
// that the host claims, and is read to its end.
func FuzzReceive(f *testing.F) {
	for _, b := range [][]byte{sample(2), zstded(sample(2))} {
		dir, digests := blobsIn(f, b)
		var answer bytes.Buffer
		assert.NilError(f, Serve(f.Context(), dir, digests, &answer))
		z, err := gzip.NewReader(&answer)
		assert.NilError(f, err)
		var events bytes.Buffer
		_, err = events.ReadFrom(z)
		assert.NilError(f, err)
		f.Add(events.Bytes())
	}
	f.Fuzz(func(t *testing.T, events []byte) {
		digests := []digest.Digest{digest.FromString("a"), digest.FromString("b")}
		one := gzipped(events)
		_, results, err := sent(t, bytes.NewReader(append(one, gzipped(append([]byte{1}, events[min(1, len(events)):]...))...)), digests)
		for _, got := range results {
			if err == nil && got.Err == nil && got.Form.Packed() && got.Sum.Validate() != nil {
				t.Errorf("believed: %v", got)
			}
		}
	})
}
